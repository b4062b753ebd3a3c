"""Packages signed by the genuine minisign and OpenSSL, verified by iis-canary. Usage: signatures.py FLEET_DIR

Beside FLEET_DIR is the program. `plan` changes nothing, so the fleet stays as it is for the others.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

fleet = pathlib.Path(sys.argv[1])
program = fleet.parent / "iis-canary"
work = pathlib.Path(tempfile.mkdtemp(dir=fleet.parent))
pack = work / "app.domain.com.3471.zip"
shutil.copy(next(fleet.glob("app.domain.com.*.zip")), pack)


def run(*words, **more):
    return subprocess.run([str(w) for w in words], check=True, capture_output=True, cwd=work, **more)


def plan(keys):
    """The exit code of plan with a policy, and what it says of the signature."""
    config = fleet / f"{work.name}.yaml"
    config.write_text((fleet / "canary.yaml").read_text() + f"package: {{ signature: {keys} }}\n")
    p = subprocess.run([program, "plan", "-c", config, "--package", pack], capture_output=True, text=True)
    config.unlink()
    return p.returncode, p.stderr


def proves(what, keys, signature):
    """The signature is good for the package, and for no other."""
    code, said = plan(keys)
    assert code == 0, (what, code, said)
    good = pack.read_bytes()
    pack.write_bytes(good + b" ")
    code, said = plan(keys)
    assert code == 7 and "package-signed" in said, (what, "another package", code, said)
    pack.write_bytes(good)
    signature.unlink()
    code, said = plan(keys)
    assert code == 7 and "no signature is beside the package" in said, (what, "unsigned", code, said)
    print(f"proved a package that {what} signed is taken, and neither another nor an unsigned one")


run("minisign", "-G", "-W", "-p", "key.pub", "-s", "key", input=b"\n\n")
public = (work / "key.pub").read_text().split("\n")[1]
run("minisign", "-S", "-s", "key", "-m", pack, "-t", "build 3471")
proves("minisign", f"{{ minisign: ['{public}'] }}", pack.with_name(pack.name + ".minisig"))

signature = pack.with_name(pack.name + ".sig")
for name, make in {
    "OpenSSL with an RSA key": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
    "OpenSSL with an ECDSA key": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "OpenSSL with an Ed25519 key": ["-algorithm", "ed25519"],
}.items():
    run("openssl", "genpkey", *make, "-out", "key.pem")
    run("openssl", "pkey", "-in", "key.pem", "-pubout", "-out", "public.pem")
    if "ed25519" in make:
        run("openssl", "dgst", "-sha256", "-binary", "-out", "hash", pack)
        run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", "key.pem", "-in", "hash", "-out", signature)
    else:
        run("openssl", "dgst", "-sha256", "-sign", "key.pem", "-out", signature, pack)
    proves(name, f"{{ pem: ['{work / 'public.pem'}'] }}", signature)
