"""MIT's Kerberos as the judge of our client: an HTTPS server in front of each server of a fleet with Basic. It takes a ticket by MIT's
GSS-API, insists that it is bound to this very TLS connection, and hands the request on. Prints what it listens on, then what it took."""

import base64
import datetime
import http.client
import http.server
import ipaddress
import json
import pathlib
import ssl
import sys
import threading
import urllib.parse

import gssapi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

here, fleet = pathlib.Path(sys.argv[1]), json.loads((pathlib.Path(sys.argv[2]) / "endpoints.json").read_text())
keytab = sys.argv[3]

key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "acceptor")])
now = datetime.datetime.now(datetime.timezone.utc)
certificate = (
    x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(hours=10))
    .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
    .add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256())
)
pem = certificate.public_bytes(serialization.Encoding.PEM)
(here / "acceptor.pem").write_bytes(pem + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
(here / "acceptor-ca.pem").write_bytes(pem)
binding = gssapi.raw.ChannelBindings(application_data=b"tls-server-end-point:" + certificate.fingerprint(hashes.SHA256()))
credentials = gssapi.Credentials(usage="accept", store={b"keytab": keytab.encode()})
behind = ssl.create_default_context(cafile=fleet["ca"])


gssapi.SecurityContext.__DEFER_STEP_ERRORS__ = False  # a refusal is one, also where it comes with a token for the client


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection: what was accepted on it holds for it."""

    protocol_version = "HTTP/1.1"
    server_version = "MIT"
    who = None

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "negotiate":
            self.who = self.accept(base64.b64decode(token))
        if self.who is None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Negotiate")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.hand_on(body)

    def accept(self, token):
        try:
            context = gssapi.SecurityContext(creds=credentials, usage="accept", channel_bindings=binding)
            context.step(token)
        except gssapi.exceptions.GSSError as error:
            print("refused", " ".join(str(error).split()), flush=True)
            return None
        bound = bool(context.actual_flags & gssapi.RequirementFlag(2048))  # GSS_C_CHANNEL_BOUND_FLAG: the client named this connection
        print("accepted", context.initiator_name, "bound" if bound else "unbound", "complete" if context.complete else "incomplete", flush=True)
        return context.initiator_name if context.complete and bound else None

    def hand_on(self, body):
        at = urllib.parse.urlsplit(self.server.target["winrm"])
        basic = base64.b64encode(f"{self.server.target['user']}:{self.server.target['password']}".encode()).decode()
        onward = http.client.HTTPSConnection(at.hostname, at.port, context=behind, timeout=120)
        onward.request("POST", at.path, body, {"Authorization": "Basic " + basic, "Content-Type": self.headers["Content-Type"]})
        answer = onward.getresponse()
        text = answer.read()
        onward.close()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """Says nothing of each request."""


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that ends its poll with its run is no error, anything else is one of this program."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            print("broken", repr(error), flush=True)


ports = {}
for server in fleet["servers"]:
    one = Server(("127.0.0.1", 0), Handler)
    one.target = server
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(here / "acceptor.pem")
    one.socket = tls.wrap_socket(one.socket, server_side=True, do_handshake_on_connect=False)
    ports[server["instance_id"]] = one.server_address[1]
    threading.Thread(target=one.serve_forever, daemon=True).start()
(here / "acceptor.json").write_text(json.dumps(ports))
threading.Event().wait()
