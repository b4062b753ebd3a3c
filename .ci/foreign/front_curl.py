"""curl is a customer at the front of the load balancer."""

import json
import subprocess
import urllib.parse

import certifi

from fleet import prove


def curl(*words):
    """Runs curl; returns its exit code, standard output and standard error."""
    command = ["curl", "--silent", "--show-error", "--max-time", "20", "--noproxy", "*", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def told(*words):
    """The write-outs of a curl that must succeed, one for each URL, and their headers in lower case."""
    code, out, err = curl("--output", "/dev/null", "--write-out", '{"curl":%{json},"headers":%{header_json}}\\n', *words)
    assert code == 0, (words, code, err)
    answers, rest, decoder = [], out.strip(), json.JSONDecoder()
    while rest:
        answer, end = decoder.raw_decode(rest)
        answers.append(answer)
        rest = rest[end:].strip()
    return answers


def one(*words):
    (answer,) = told(*words)
    return answer["curl"], {name: values[0] for name, values in answer["headers"].items()}


def answers(fleet):
    """real answers, with the headers of IIS and of the release that served them"""
    curl_, headers = one("--cacert", fleet["ca"], "--http1.1", fleet["front"] + "/products")
    assert curl_["http_code"] == 200 and curl_["http_version"] == "1.1" and curl_["ssl_verify_result"] == 0, curl_
    assert headers["server"] == "Microsoft-IIS/10.0" and headers["content-type"].startswith("text/html"), headers
    slots = {slot for server in fleet.truth()["servers"] for slot in server["running"]}
    assert headers["x-app-slot"] in slots and headers["x-app-slot"].endswith("-" + headers["x-app-release"]), (headers, slots)
    code, body, _ = curl("--cacert", fleet["ca"], fleet["front"] + "/products")
    assert code == 0 and "/products" in body and headers["x-app-slot"] in body, body


def keep_alive(fleet):
    """HTTP/1.1: one connection carries many requests"""
    three = told("--cacert", fleet["ca"], "--http1.1", *[word for _ in range(3) for word in (fleet["front"] + "/", "--output", "/dev/null")][:-2])
    assert [a["curl"]["num_connects"] for a in three] == [1, 0, 0], three
    assert all(a["curl"]["http_code"] == 200 for a in three), three


def http2(fleet):
    """HTTP/2 is spoken to customers who can, as a load balancer does"""
    curl_, _ = one("--cacert", fleet["ca"], "--http2", fleet["front"] + "/")
    assert (curl_["http_code"], curl_["http_version"]) == (200, "2"), curl_


def body(fleet):
    """a POST arrives with its whole body; HEAD has none"""
    code, out, err = curl("--cacert", fleet["ca"], "--http1.1", "--data-binary", "x" * 100_000, fleet["front"] + "/cart")
    assert code == 0 and "100000 bytes received" in out, (code, out, err)
    code, out, err = curl("--cacert", fleet["ca"], "--head", fleet["front"] + "/")
    assert code == 0 and "200" in out.splitlines()[0] and "</h1>" not in out, (code, out, err)


def authorities(fleet):
    """the wrong authority, and none, fail before anything is asked: exit code 60"""
    for words in (["--cacert", certifi.where()], []):
        code, out, _ = curl(*words, fleet["front"] + "/")
        assert (code, out) == (60, ""), (words, code, out)


def names(fleet):
    """the certificate is for the name of the app and not for another one"""
    port = urllib.parse.urlsplit(fleet["front"]).port
    _, headers = one("--cacert", fleet["ca"], fleet["front"] + "/")
    app = headers["x-app-slot"].rpartition("-")[0]
    for name, expected in ((app, 0), ("other.example", 60)):
        code, _, err = curl("--cacert", fleet["ca"], "--resolve", f"{name}:{port}:127.0.0.1", "--output", "/dev/null", f"https://{name}:{port}/")
        assert code == expected, (name, code, err)


def unknown_host(fleet):
    """a Host that nobody knows reaches the site: the default rule forwards it, and the site's binding has no host name"""
    curl_, headers = one("--cacert", fleet["ca"], "--header", "Host: other.example", fleet["front"] + "/")
    assert curl_["http_code"] == 200 and headers["server"] == "Microsoft-IIS/10.0" and "x-app-slot" in headers, headers


def every_server(fleet):
    """http.sys of each server answers for itself where no application is: 404 at its WinRM port"""
    for server in fleet["servers"]:
        curl_, headers = one("--cacert", fleet["ca"], server["winrm"].replace("/wsman", "/"))
        assert curl_["http_code"] == 404 and headers["server"] == "Microsoft-HTTPAPI/2.0", (curl_["http_code"], headers)


prove(answers, keep_alive, http2, body, authorities, names, unknown_host, every_server)
