"""MIT's KDC on loopback, for the realm of a fleet of `iis-canary simulate --auth kerberos`: the same names, the same passwords, so the
same keys. Runs until it is told to end. In its folder: krb5.conf, deployer.keytab, acceptor.keytab, deployer.ccache, and expired.ccache."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

here, fleet = pathlib.Path(sys.argv[1]), json.loads((pathlib.Path(sys.argv[2]) / "endpoints.json").read_text())
realm = "REHEARSAL.TEST"
here.mkdir(exist_ok=True)
os.environ["PATH"] += ":/usr/sbin"
os.environ.update(KRB5_CONFIG=str(here / "krb5.conf"), KRB5_KDC_PROFILE=str(here / "kdc.conf"))

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]

(here / "krb5.conf").write_text(f"""[libdefaults]
  default_realm = {realm}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
  dns_uri_lookup = false
[realms]
  {realm} = {{
    kdc = 127.0.0.1:{port}
  }}
""")
(here / "kdc.conf").write_text(f"""[kdcdefaults]
  kdc_listen = 127.0.0.1:{port}
  kdc_tcp_listen = 127.0.0.1:{port}
[realms]
  {realm} = {{
    database_name = {here}/principal
    key_stash_file = {here}/stash
    acl_file = {here}/none
    max_life = 10h
    supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal
  }}
[logging]
  kdc = FILE:{here}/kdc.log
""")


def run(*line, **more):
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL, **more)


def admin(*queries):
    for query in queries:
        run("kadmin.local", "-r", realm, "-q", query)


run("kdb5_util", "create", "-r", realm, "-s", "-P", "of this KDC only")
user, password = fleet["servers"][0]["user"], fleet["servers"][0]["password"]
admin(f"addprinc -pw {password} +requires_preauth {user}", f"addprinc -pw {password} +needchange changing", "addprinc -randkey HTTP/nobody.rehearsal.test")
for server in fleet["servers"]:
    admin(f"addprinc -pw {server['machine_password']} {server['spn']}", f"ktadd -norandkey -k {here}/acceptor.keytab {server['spn']}")
admin(f"ktadd -norandkey -k {here}/{user}.keytab {user}")

signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that the KDC ends with this program
kdc = subprocess.Popen(["krb5kdc", "-n", "-r", realm])
try:
    limit = time.monotonic() + 20
    while kdc.poll() is None and socket.socket().connect_ex(("127.0.0.1", port)) != 0:
        assert time.monotonic() < limit, "the KDC does not listen"
        time.sleep(0.1)
    for name, life in ((user, "2h"), ("expired", "1s")):
        run("kinit", "-l", life, "-c", f"FILE:{here}/{name}.ccache", user, input=password.encode() + b"\n")
    time.sleep(2)  # one of the two is over then
    (here / "ready").touch()
    print("ready", port, flush=True)
    kdc.wait()
finally:
    kdc.terminate()
    kdc.wait()
    shutil.rmtree(here, ignore_errors=True)
