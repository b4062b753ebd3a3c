"""pywinrm and pypsrp log in with NTLM: sealed on plain HTTP, bound to the connection on HTTPS, and never less."""

import requests
import winrm
from pypsrp.client import Client
from pypsrp.exceptions import AuthenticationError
from winrm.exceptions import InvalidCredentialsError, WinRMError, WinRMTransportError

from fleet import fails, prove


def session(fleet, number, url, **changed):
    server = fleet.server(number)
    given = {"transport": "ntlm", "ca_trust_path": fleet["ca"], **changed}
    return winrm.Session(server[url], auth=(given.pop("user", server["user"]), given.pop("password", server["password"])), **given)


def hostname(fleet, number, url, **changed):
    ran = session(fleet, number, url, **changed).run_cmd("hostname")
    assert (ran.status_code, ran.std_out) == (0, fleet.server(number)["name"].encode() + b"\r\n"), (ran.status_code, ran.std_out, ran.std_err)


def aimed(fleet):
    """the fleet is one of NTLM: plain HTTP, and HTTPS beside it"""
    for server in fleet["servers"]:
        assert server["auth"] == "ntlm" and server["winrm"].startswith("http://") and server["winrm_tls"].startswith("https://"), server


def sealed(fleet):
    """pywinrm, NTLM on plain HTTP: every message is sealed, with message_encryption auto and always"""
    for number in range(len(fleet["servers"])):
        hostname(fleet, number, "winrm", message_encryption="auto")
        hostname(fleet, number, "winrm", message_encryption="always")


def sealed_output(fleet):
    """pywinrm, NTLM on plain HTTP: standard output, standard error and exit code of a script, many sealed messages on one connection"""
    ran = session(fleet, 0, "winrm").run_ps("Write-Output 'hello; world'\n[Console]::Error.WriteLine('oh dear')\nexit 4")
    assert (ran.status_code, ran.std_out, ran.std_err) == (4, b"hello; world\r\n", b"oh dear\r\n"), (ran.status_code, ran.std_out, ran.std_err)
    one = session(fleet, 1, "winrm").protocol
    shell = one.open_shell()
    for text in ("one", "two", "three"):
        command = one.run_command(shell, "echo", [text])
        assert one.get_command_output(shell, command) == (text.encode() + b"\r\n", b"", 0)
        one.cleanup_command(shell, command)
    one.close_shell(shell)


def unsealed(fleet):
    """pywinrm, NTLM on plain HTTP with message_encryption never: refused"""
    fails((InvalidCredentialsError, WinRMTransportError, WinRMError), session(fleet, 0, "winrm", message_encryption="never").run_cmd, "hostname")


def basic(fleet):
    """pywinrm, Basic: refused on plain HTTP and on HTTPS"""
    for url in ("winrm", "winrm_tls"):
        fails(InvalidCredentialsError, session(fleet, 0, url, transport="basic").run_cmd, "hostname")


def bound(fleet):
    """pywinrm, NTLM on HTTPS: with a channel binding, without one, and sealed inside TLS"""
    hostname(fleet, 0, "winrm_tls")
    hostname(fleet, 0, "winrm_tls", send_cbt=False)
    hostname(fleet, 1, "winrm_tls", message_encryption="always")


def accounts(fleet):
    """pywinrm, NTLM: an account with the machine's name, and in upper case"""
    server = fleet.server(0)
    hostname(fleet, 0, "winrm", user=server["name"] + "\\" + server["user"])
    hostname(fleet, 0, "winrm", user=server["user"].upper())


def wrong_password(fleet):
    """pywinrm, NTLM: InvalidCredentialsError for a wrong password or user"""
    for url in ("winrm", "winrm_tls"):
        fails(InvalidCredentialsError, session(fleet, 2, url, password="guessed").run_cmd, "hostname")
        fails(InvalidCredentialsError, session(fleet, 2, url, user="nobody").run_cmd, "hostname")


def unknown_authority(fleet):
    """pywinrm, NTLM on HTTPS of an authority that the client does not know: SSLError, and no login"""
    fails(requests.exceptions.SSLError, session(fleet, 0, "winrm_tls", ca_trust_path=None).run_cmd, "hostname")


def pypsrp_client(fleet, number, secure, auth, **changed):
    server = fleet.server(number)
    host, port = server["winrm_tls" if secure else "winrm"].split("/")[2].split(":")
    given = {"password": server["password"], **changed}
    return Client(host, port=int(port), username=server["user"], ssl=secure, auth=auth, cert_validation=fleet["ca"], **given)


def psrp_sealed(fleet):
    """pypsrp's WinRS part, NTLM on plain HTTP: sealed; and bound to the connection on HTTPS"""
    for secure in (False, True):
        with pypsrp_client(fleet, 1, secure, "ntlm") as client:
            assert client.execute_cmd("hostname") == (fleet.server(1)["name"] + "\r\n", "", 0)


def psrp_wrong_password(fleet):
    """pypsrp, NTLM: AuthenticationError for a wrong password"""
    with pypsrp_client(fleet, 1, False, "ntlm", password="guessed") as client:
        fails(AuthenticationError, client.execute_cmd, "hostname")


def psrp_negotiated(fleet):
    """pypsrp, NTLM in SPNEGO with a code over its mechanisms: sealed on plain HTTP, bound on HTTPS; AuthenticationError for a wrong password"""
    for secure in (False, True):
        with pypsrp_client(fleet, 1, secure, "negotiate") as client:
            assert client.execute_cmd("hostname") == (fleet.server(1)["name"] + "\r\n", "", 0)
        with pypsrp_client(fleet, 2, secure, "negotiate", password="guessed") as client:
            fails(AuthenticationError, client.execute_cmd, "hostname")


prove(aimed, sealed, sealed_output, unsealed, basic, bound, accounts, wrong_password, unknown_authority, psrp_sealed, psrp_wrong_password, psrp_negotiated)
