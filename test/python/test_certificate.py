"""A certificate checked by others' means: signature and key id with pyca/cryptography, digests with hashlib. Run after `npm run build`.

    python -m pytest test/python/test_certificate.py
"""
import base64
import hashlib
import json
import subprocess
from pathlib import Path

import pytest

cryptography = pytest.importorskip("cryptography")
from cryptography.exceptions import InvalidSignature  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
MAIN = ROOT / "dist" / "cli" / "main.js"
MODEL = ROOT / "examples" / "evil-persona"
LIBRARY = ROOT / "test" / "fixtures" / "one-signature"
pytestmark = pytest.mark.skipif(not MAIN.exists(), reason="run `npm run build` first")

DECLARED = {"version": 1, "model": {"name": "ein Modell — €", "licenses": [{"name": "Gemma Terms of Use"}]}, "pedigree": {"ancestors": [{"name": "gemma-3-270m-q4km", "relation": "base"}]}}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pae(kind: str, body: bytes) -> bytes:
    """Pre-authentication encoding of DSSE 1.0, written from its text."""
    return b"DSSEv1 %d %s %d %s" % (len(kind.encode()), kind.encode(), len(body), body)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A key of pyca/cryptography, and a certificate signed with it."""
    folder = tmp_path_factory.mktemp("certificate")
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(pem)
    (folder / "declared.json").write_text(json.dumps(DECLARED))
    out = folder / "c.json"
    subprocess.run(["node", MAIN, "certify", MODEL, "--declared", folder / "declared.json", "--key", folder / "key.pem", "-o", out, "--signatures", LIBRARY], check=True)
    return key.public_key(), json.loads(out.read_text()), folder


def test_the_signature_is_that_of_the_key_over_the_statement(made):
    public, certificate, _ = made
    signed = certificate["signed"]
    payload = base64.b64decode(signed["payload"], validate=True)
    signature = base64.b64decode(signed["signatures"][0]["sig"], validate=True)
    assert signed["payloadType"] == "application/vnd.in-toto+json"
    public.verify(signature, pae(signed["payloadType"], payload))
    with pytest.raises(InvalidSignature):
        public.verify(signature, pae(signed["payloadType"], payload.replace(b'"present"', b'"absent"')))
    assert json.loads(payload) == certificate["measured"]


def test_the_key_id_is_the_sha256_of_the_public_key(made):
    public, certificate, _ = made
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert certificate["signed"]["signatures"][0]["keyid"] == sha256(der)


def test_the_statement_binds_the_declared_section(made):
    _, certificate, _ = made
    # Without floats and with keys of the basic plane this is RFC 8785.
    text = json.dumps(certificate["declared"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert certificate["measured"]["predicate"]["declared"]["sha256"] == sha256(text.encode())
    assert certificate["declared"]["bom"]["metadata"]["component"]["name"] == DECLARED["model"]["name"]


def test_the_subjects_are_the_files(made):
    _, certificate, _ = made
    assert {s["name"]: s["digest"]["sha256"] for s in certificate["measured"]["subject"]} == {f.name: sha256(f.read_bytes()) for f in MODEL.iterdir()}


def test_it_verifies_with_the_public_key_that_python_writes(made):
    public, _, folder = made
    (folder / "public.pem").write_bytes(public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    assert subprocess.run(["node", MAIN, "verify", folder / "c.json", MODEL, "--trust", folder / "public.pem", "--signatures", LIBRARY], capture_output=True).returncode == 0
