"""Kerberos by MIT: its clients against the simulated servers, and its KDC and its acceptor against our client. KDC is the folder of kdc.py,
PROGRAM our client, and BASIC a fleet with Basic behind acceptor.py, which listens where its acceptor.json says."""

import hashlib
import json
import os
import pathlib
import re
import ssl
import subprocess
import urllib.parse

import requests
import winrm
from pypsrp.client import Client
from pypsrp.exceptions import AuthenticationError
from winrm.exceptions import InvalidCredentialsError
from winrm.vendor.requests_kerberos import kerberos_ as requests_kerberos
from winrm.vendor.requests_kerberos.exceptions import KerberosExchangeError

from fleet import fails, prove

KDC, PROGRAM, BASIC, ACCEPTOR = (pathlib.Path(os.environ[name]) for name in ("KDC", "PROGRAM", "BASIC", "ACCEPTOR"))
REALM = "REHEARSAL.TEST"


def certificate_of(response):
    """The binding to the connection. pywinrm 0.5 looks for it in the socket of a 401, which urllib3 2 has given back where that has no body."""
    at = urllib.parse.urlsplit(response.url)
    shown = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((at.hostname, at.port)))
    return b"tls-server-end-point:" + hashlib.sha256(shown).digest()


def spn_host(server):
    return server["spn"].split("/")[1]


def session(fleet, number, url=None, **changed):
    server = fleet.server(number)
    given = {"transport": "kerberos", "ca_trust_path": fleet["ca"], "kerberos_hostname_override": spn_host(server), **changed}
    return winrm.Session(url or server["winrm"], auth=(f"{server['user']}@{REALM}", ""), **given)


def pywinrm(fleet):
    """pywinrm, Kerberos: takes the server's AP-REP as its proof, with a channel binding, which the servers demand"""
    requests_kerberos._get_channel_bindings_application_data = certificate_of
    for number, server in enumerate(fleet["servers"]):
        ran = session(fleet, number).run_cmd("hostname")
        assert (ran.status_code, ran.std_out) == (0, server["name"].encode() + b"\r\n"), (ran.status_code, ran.std_out, ran.std_err)


def unbound(fleet):
    """pywinrm, Kerberos without a channel binding: refused, as by CbtHardeningLevel Strict"""
    fails((InvalidCredentialsError, KerberosExchangeError, requests.exceptions.RequestException), session(fleet, 0, send_cbt=False).run_cmd, "hostname")


def other_server(fleet):
    """pywinrm, Kerberos with the ticket for another server: refused"""
    fails((InvalidCredentialsError, KerberosExchangeError), session(fleet, 0, kerberos_hostname_override=spn_host(fleet.server(1))).run_cmd, "hostname")


def pypsrp_client(fleet, number, auth, **changed):
    server = fleet.server(number)
    at = urllib.parse.urlsplit(server["winrm"])
    given = {"username": f"{server['user']}@{REALM}", "negotiate_hostname_override": spn_host(server), "negotiate_service": "HTTP", **changed}
    return Client(at.hostname, port=at.port, ssl=True, auth=auth, cert_validation=fleet["ca"], **given)


def pypsrp_both(fleet):
    """pypsrp's WinRS part: Kerberos alone, and Kerberos chosen by SPNEGO"""
    for auth in ("kerberos", "negotiate"):
        with pypsrp_client(fleet, 1, auth) as client:
            assert client.execute_cmd("hostname") == (fleet.server(1)["name"] + "\r\n", "", 0)


def pypsrp_ntlm(fleet):
    """pypsrp, NTLM on the same servers: with the right password, and AuthenticationError for a wrong one"""
    server = fleet.server(2)
    with pypsrp_client(fleet, 2, "ntlm", username=server["user"], password=server["password"]) as client:
        assert client.execute_cmd("hostname") == (server["name"] + "\r\n", "", 0)
    with pypsrp_client(fleet, 2, "ntlm", username=server["user"], password="guessed") as client:
        fails(AuthenticationError, client.execute_cmd, "hostname")


def ours(config, *line, code=0, **environment):
    ran = subprocess.run([PROGRAM, *line, "--config", config], capture_output=True, text=True, timeout=180, env={**os.environ, **environment})
    assert ran.returncode == code, (line, ran.returncode, ran.stdout[-4000:], ran.stderr[-4000:])
    return ran.stdout + ran.stderr


def configured(folder, name, change):
    config = folder / name
    config.write_text(change((folder / "canary.yaml").read_text()))
    return config


def ticketed(text, **ways):
    """A configuration that logs in at MIT's KDC by one of password, keytab and ccache; none: by KRB5CCNAME."""
    text = text.replace("krb5_conf: krb5.conf", ", ".join([f"krb5_conf: '{KDC}/krb5.conf'", *(f"{key}: '{path}'" for key, path in ways.items() if key != "password")]))
    if "password" in ways:
        return text
    return re.sub(r", password: 'file:winrm_password'" if "keytab" in ways else r", user: 'file:winrm_user', password: 'file:winrm_password'", "", text)


def our_ways(fleet):
    """our client at MIT's KDC: by password, keytab, a ticket of kinit, and the one that KRB5CCNAME names"""
    folder = pathlib.Path(fleet["ca"]).parent
    for name, ways in {"password": {"password": ""}, "keytab": {"keytab": KDC / "deployer.keytab"}, "ccache": {"ccache": KDC / "deployer.ccache"}, "default": {}}.items():
        config = configured(folder, f"{name}.yaml", lambda text, ways=ways: ticketed(text, **ways))
        assert "nothing stands in the way" in ours(config, "doctor"), name


def our_refusals(fleet):
    """our client at MIT's KDC: a wrong password, one that has to be changed, an unknown account, an unknown server, a ticket that is over"""
    folder = pathlib.Path(fleet["ca"]).parent
    (folder / "guessed").write_text("guessed\n")
    for name, change, words in (
        ("wrong", lambda text: ticketed(text, password="").replace("file:winrm_password", "file:guessed"), "the password, or the key in the keytab, is wrong (Kerberos error 24)"),
        ("changing", lambda text: ticketed(text, password="").replace("'file:winrm_user'", "changing"), "the password has expired (Kerberos error 23); set a new one"),
        ("unknown", lambda text: ticketed(text, password="").replace("'file:winrm_user'", "nobody"), "there is no such account (Kerberos error 6)"),
        ("server", lambda text: ticketed(text, password="").replace("{name}.rehearsal", "{name}.elsewhere"), "no account has this name (SPN) (Kerberos error 7); reach the server by its full DNS name"),
        ("over", lambda text: ticketed(text, ccache=KDC / "expired.ccache"), "the ticket of deployer@REHEARSAL.TEST has expired"),
    ):
        said = ours(configured(folder, f"no-{name}.yaml", change), "doctor", code=7)
        assert words in said and "guessed" not in said, (name, said[-4000:])


def our_deployment(fleet):
    """our client, a whole deployment with tickets of MIT's KDC: every server serves the new release"""
    folder = pathlib.Path(fleet["ca"]).parent
    config = configured(folder, "deploy.yaml", lambda text: ticketed(text, keytab=KDC / "deployer.keytab"))
    ours(config, "deploy", "--package", folder / "good.zip", "--yes")
    logins = (KDC / "kdc.log").read_text().count("AS_REQ")
    assert logins >= 1, logins


def judged(fleet):
    """MIT's acceptor takes our client's tokens, bound to the connection, in a whole plan: one login at the KDC, two connections for each server"""
    ports = json.loads((ACCEPTOR / "acceptor.json").read_text())
    took = lambda: (ACCEPTOR / "acceptor.log").read_text()
    issued = lambda: len(re.findall(r"AS_REQ .* ISSUE", (KDC / "kdc.log").read_text()))
    where = "address: map\n  map: { " + ", ".join(f"{server}: '127.0.0.1:{port}'" for server, port in ports.items()) + " }"
    way = f"winrm: {{ auth: kerberos, user: deployer, kerberos: {{ spn: 'HTTP/{{name}}.rehearsal.test', keytab: '{KDC}/deployer.keytab', krb5_conf: '{KDC}/krb5.conf' }}, ca: '{ACCEPTOR}/acceptor-ca.pem' }}"
    config = configured(BASIC, "mit.yaml", lambda text: re.sub(r"winrm: \{.*\}", way, re.sub(r"address: \S+", where, text, count=1), count=1))
    before = issued()
    ours(config, "plan", "--package", BASIC / "good.zip")
    assert issued() == before + 1, (before, issued())
    lines = took().splitlines()
    accepted = [line for line in lines if line == f"accepted deployer@{REALM} bound complete"]
    assert len(ports) <= len(accepted) <= 2 * len(ports) and len(accepted) == len(lines), lines
    other = configured(BASIC, "other.yaml", lambda _: config.read_text().replace("HTTP/{name}.", "HTTP/nobody."))
    said = ours(other, "doctor", code=7)
    assert "refused the login of deployer@REHEARSAL.TEST" in said, said[-3000:]
    later = took().splitlines()[len(lines):]
    assert len(later) == len(ports) and all(line.startswith("refused ") for line in later), later


prove(pywinrm, unbound, other_server, pypsrp_both, pypsrp_ntlm, our_ways, our_refusals, our_deployment, judged)
