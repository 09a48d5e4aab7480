"""Issuers of JSON Web Tokens: keys, key sets and signatures by the library cryptography, so that what postern believes
was not made by postern. Anything about a token can be bent."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from harness import leaks

AUDIENCE = "https://models.test"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, size: int | None = None) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


class Key:
    """A private key that signs; `jwk` is its public half."""

    def __init__(self, algorithm: str, kid: str):
        self.algorithm, self.kid = algorithm, kid
        if algorithm.startswith(("RS", "PS")):
            self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            public = self.private.public_key().public_numbers()
            members = {"kty": "RSA", "n": number(public.n), "e": number(public.e)}
        elif algorithm == "EdDSA":
            self.private = ed25519.Ed25519PrivateKey.generate()
            raw = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            members = {"kty": "OKP", "crv": "Ed25519", "x": b64(raw)}
        else:
            self.size = {"ES256": 32, "ES384": 48, "ES512": 66}[algorithm]
            curve = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}[algorithm]()
            self.private = ec.generate_private_key(curve)
            public = self.private.public_key().public_numbers()
            name = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}[algorithm]
            members = {"kty": "EC", "crv": name, "x": number(public.x, self.size), "y": number(public.y, self.size)}
        self.jwk = {**members, "kid": kid, "alg": algorithm, "use": "sig"}

    def sign(self, data: bytes) -> bytes:
        digest = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}.get(self.algorithm[2:])
        if self.algorithm == "EdDSA":
            return self.private.sign(data)
        if self.algorithm.startswith("RS"):
            return self.private.sign(data, padding.PKCS1v15(), digest())
        if self.algorithm.startswith("PS"):
            salt = digest().digest_size
            return self.private.sign(data, padding.PSS(padding.MGF1(digest()), salt), digest())
        r, s = utils.decode_dss_signature(self.private.sign(data, ec.ECDSA(digest())))
        return r.to_bytes(self.size, "big") + s.to_bytes(self.size, "big")


class Issuer:
    def __init__(self, folder: Path, name: str = "corp", algorithm: str = "ES256", url: str = "https://idp.test"):
        self.folder, self.name, self.url = folder, name, url
        self.keys = [Key(algorithm, "k1")]
        self.file = folder / f"{name}.jwks.json"
        self.write()

    def write(self) -> None:
        self.file.write_text(json.dumps({"keys": [key.jwk for key in self.keys]}))

    def table(self, **more) -> dict:
        """As an [[issuer]] table."""
        return {"name": self.name, "url": self.url, "audiences": [AUDIENCE], "jwks_file": str(self.file), **more}

    def token(self, header: dict | None = None, key: Key | None = None, **claims) -> str:
        """Claims that are None are left out."""
        now = int(time.time())
        key = key or self.keys[0]
        payload = {"iss": self.url, "aud": AUDIENCE, "sub": "alice", "iat": now, "exp": now + 600, **claims}
        head = {"alg": key.algorithm, "kid": key.kid, "typ": "at+jwt", **(header or {})}
        return sign(head, {k: v for k, v in payload.items() if v is not None}, key.sign)


class Prover:
    """A client that proves that it has the key of its token."""

    def __init__(self, make):
        """`make`: the token, given its `cnf`."""
        self.key = Key("ES256", "own")
        self.jwk = {name: self.key.jwk[name] for name in ("kty", "crv", "x", "y")}
        canonical = json.dumps(dict(sorted(self.jwk.items())), separators=(",", ":")).encode()
        self.token = make(cnf={"jkt": b64(hashlib.sha256(canonical).digest())})
        self.nonce = None

    def headers(self, method: str, url: str, scheme: str = "DPoP", **claims) -> str:
        payload = {
            "jti": b64(hashlib.sha256(str(time.time_ns()).encode()).digest()),
            "htm": method,
            "htu": url,
            "iat": int(time.time()),
            "ath": b64(hashlib.sha256(self.token.encode()).digest()),
            **({"nonce": self.nonce} if self.nonce else {}),
            **claims,
        }
        proof = sign({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk}, payload, self.key.sign)
        return f"Authorization: {scheme} {self.token}\r\nDPoP: {proof}\r\n"


def sign(header: dict, payload: dict, signer) -> str:
    header = {name: value for name, value in header.items() if value is not None}
    text = b64(json.dumps(header).encode()) + "." + b64(json.dumps(payload).encode())
    token = text + "." + b64(signer(text.encode()))
    leaks.add(token)
    return token


def hs256(secret: bytes):
    leaks.add(secret)
    return lambda data: hmac.new(secret, data, hashlib.sha256).digest()
