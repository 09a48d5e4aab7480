"""Credentials that somebody has to have the key of: client certificates, tokens bound to them, DPoP; and what postern
itself signs for upstreams."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import time

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519

from harness.certs import client_context, openssl
from harness.client import RawClient
from harness.tokens import Issuer, Prover, b64

pytestmark = pytest.mark.timeout(60)


def settings(origin, issuer: Issuer, listener: dict, **more) -> dict:
    access = {"policy": "authenticated", "headers": "oauth2-proxy", "assertion": True}
    return {
        "listener": [{"name": "main", **listener}],
        "upstream": [{"name": "origin", "endpoints": [origin.endpoint]}],
        "route": [
            {"name": "all", "path": "/*", "forward": "origin", "access": access},
            {"name": "tokens", "path": "/tokens/*", "forward": "origin",
             "access": {"policy": "authenticated", "credentials": ["bearer"]}},
        ],
        "issuer": [issuer.table()],
        **more,
    }  # fmt: skip


@pytest.fixture
def issuer(tmp_path):
    return Issuer(tmp_path)


@pytest.fixture
def origin(make_origin):
    return make_origin()


def tls(authority, **more) -> dict:
    return {"tls": {"certificate": [authority.issue("a.test").table()], **more}}


def ask(postern, path: str, context=None, headers: str = "", method: str = "GET"):
    with RawClient(postern.address("main"), tls=context, server_name="a.test" if context else None) as client:
        return client.get(path, headers=headers, method=method)


def thumbprint(pair) -> str:
    der = openssl("x509", "-in", pair.cert, "-outform", "DER").stdout
    return b64(hashlib.sha256(der).digest())


def test_a_client_certificate_is_an_identity(postern_with, origin, issuer, authority):
    here = postern_with(settings(origin, issuer, tls(authority, client_auth="optional", client_ca=str(authority.cert))))
    robot = authority.issue("robot.test", client=True)
    with_it = client_context(authority, pair=robot)
    assert ask(here, "/x", with_it).status == 200
    assert origin.last("/x").fields.get("x-forwarded-user") == "robot.test"
    assert ask(here, "/x", client_context(authority)).status == 401
    assert ask(here, "/tokens/x", with_it).status == 401  # not there
    assert ask(here, "/tokens/x", with_it, f"Authorization: Bearer {issuer.token()}\r\n").status == 200


def test_a_token_that_is_bound_to_a_certificate(postern_with, origin, issuer, authority):
    here = postern_with(settings(origin, issuer, tls(authority, client_auth="optional", client_ca=str(authority.cert))))
    robot, other = authority.issue("robot.test", client=True), authority.issue("other.test", client=True)
    token = f"Authorization: Bearer {issuer.token(cnf={'x5t#S256': thumbprint(robot)})}\r\n"
    for _ in range(2):  # T86: from the cache as well
        assert ask(here, "/x", client_context(authority, pair=robot), token).status == 200
        assert ask(here, "/x", client_context(authority, pair=other), token).status == 401
        assert ask(here, "/x", client_context(authority), token).status == 401


def test_dpop(postern_with, origin, issuer):
    here = postern_with(settings(origin, issuer, {}))
    prover = Prover(issuer.token)
    url = "http://a.test/x"
    answer = ask(here, "/x", headers=prover.headers("GET", url))
    assert answer.status == 401 and 'error="use_dpop_nonce"' in answer.fields["www-authenticate"]
    assert answer.fields["www-authenticate"].startswith("DPoP ")
    prover.nonce = answer.fields["dpop-nonce"]
    assert ask(here, "/x", headers=prover.headers("GET", url)).status == 200
    seen = origin.last("/x").fields
    assert seen.get("authorization") is None and seen.get("dpop") is None
    for bad in (
        prover.headers("POST", url),
        prover.headers("GET", "http://a.test/y"),
        prover.headers("GET", url, ath=b64(b"0" * 32)),
        prover.headers("GET", url, scheme="Bearer"),
        f"Authorization: DPoP {prover.token}\r\n",
        prover.headers("GET", url) + "DPoP: twice\r\n",
    ):
        assert ask(here, "/x", headers=bad).status in (400, 401), bad
    other = Prover(issuer.token)
    other.token, other.nonce = prover.token, prover.nonce
    assert ask(here, "/x", headers=other.headers("GET", url)).status == 401
    unbound = f"Authorization: DPoP {issuer.token()}\r\n"
    assert ask(here, "/x", headers=unbound).status == 401


def test_dpop_where_tls_ends_before_us(postern_with, origin, issuer):
    """The client signs the URL that it knows; whether that was https only a trusted proxy may tell."""
    for trusted, good in ((["127.0.0.0/8"], 200), ([], 401)):
        here = postern_with(settings(origin, issuer, {"trusted_proxies": trusted}))
        prover, told = Prover(issuer.token), "X-Forwarded-Proto: https\r\n"
        first = ask(here, "/x", headers=prover.headers("GET", "https://a.test/x") + told)
        prover.nonce = first.fields.get("dpop-nonce")
        assert ask(here, "/x", headers=prover.headers("GET", "https://a.test/x") + told).status == good
        if trusted:
            assert ask(here, "/x", headers=prover.headers("GET", "http://a.test/x") + told).status == 401
            for clients_own in (told.replace("https", "https, http"), told + told.replace("https", "http")):
                # a proxy that appends what it sees
                assert ask(here, "/x", headers=prover.headers("GET", "https://a.test/x") + clients_own).status == 401


def unpack(part: str) -> dict:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_what_postern_asserts_can_be_checked(postern_with, origin, issuer, tmp_path):
    private, public = tmp_path / "assertion.pem", tmp_path / "assertion.pub.pem"
    openssl("genpkey", "-algorithm", "ed25519", "-out", private)
    raw = openssl("pkey", "-in", private, "-pubout", "-outform", "DER").stdout[-32:]
    here = postern_with(settings(origin, issuer, {}, assertion={"key_file": str(private), "issuer": "https://p.test"}))
    token = issuer.token(groups=["ml"], email="a@corp.test", email_verified=True)
    assertions = set()
    for _ in range(3):
        assert ask(here, "/x", headers=f"Authorization: Bearer {token}\r\nX-Postern-Assertion: mine\r\n").status == 200
        assertions.add(origin.last("/x").fields["x-postern-assertion"])
    assert len(assertions) == 1  # signed once
    head, payload, signature = assertions.pop().split(".")
    claims = unpack(payload)
    assert unpack(head)["alg"] == "EdDSA" and claims["aud"] == "origin" and claims["sub"] == "alice"
    assert claims["iss"] == "https://p.test" and claims["groups"] == ["ml"] and claims["email"] == "a@corp.test"
    assert 0 < claims["exp"] - time.time() <= 121
    key = ed25519.Ed25519PublicKey.from_public_bytes(raw)
    proof = base64.urlsafe_b64decode(signature + "==")
    key.verify(proof, f"{head}.{payload}".encode())
    with pytest.raises(InvalidSignature):
        key.verify(proof, f"{head}.{payload}x".encode())
    published = json.loads(here.admin("/assertion/jwks.json").body)["keys"]
    assert published[0]["x"] == b64(raw) and published[0]["kid"] == unpack(head)["kid"]
