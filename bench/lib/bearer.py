"""The bearer token of the case `post-auth`: an RSA key made for this run, and one token that is signed with it.

The key lives in the run's own folder and goes with it. openssl does what cryptography there is."""

import base64
import json
import subprocess
import time

ISSUER = "https://login.bench.example"
AUDIENCE = "https://models.bench.example"
LIFE = 24 * 3600


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims(now):
    """What an access token of a larger provider has: about 600 bytes when it is signed with 2048 bits."""
    return {"iss": ISSUER, "aud": AUDIENCE, "sub": "bench-user", "azp": "bench", "iat": now, "nbf": now,
            "exp": now + LIFE, "jti": "0e7f5a3c-bench", "scope": "predict", "groups": ["bench"],
            "email": "bench@example.com"}


def make(openssl, folder):
    """(the token, the file of the public key)."""
    key, public = folder / "bearer.key", folder / "bearer.pem"
    subprocess.run([openssl, "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key],
                   check=True, capture_output=True)
    subprocess.run([openssl, "pkey", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
    parts = [json.dumps(part, separators=(",", ":")).encode()
             for part in ({"alg": "RS256", "typ": "at+jwt"}, claims(int(time.time())))]
    signed = ".".join(map(encode, parts))
    signature = subprocess.run([openssl, "dgst", "-sha256", "-sign", key], input=signed.encode(), check=True,
                               capture_output=True).stdout
    return f"{signed}.{encode(signature)}", public
