"""The search for secrets in logs finds what it is there to find. (That nothing is found is asked behind every test.)"""

from __future__ import annotations

import base64
import gzip
import random
import string
from urllib.parse import quote

import pytest

from harness import leaks

SPELLINGS = {
    "plain": lambda text: text,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 within": lambda text: base64.b64encode(f"user:{text} and more".encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(f"u:{text}".encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "upper hex": lambda text: text.encode().hex().upper(),
    "percent": lambda text: quote(text, safe=""),
}


@pytest.fixture
def watch(tmp_path):
    one = leaks.Watch({"audit": [{"file": str(tmp_path / "audit.jsonl")}]}, tmp_path / "stderr.log")
    yield one
    leaks.watched.remove(one)


def found(watch) -> list[str]:
    return [what for _, what in watch.search(leaks.in_test)]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_secret_is_found_in_every_spelling(watch, tmp_path, spelling):
    for length in (12, 13, 14, 24, 25, 26, 300):
        secret = "".join(random.choices(string.ascii_letters + string.digits + "-_~?/+", k=length))
        leaks.in_test[secret.encode()] = None  # not add(): nobody else needs to look for it
        with (tmp_path / "stderr.log").open("a") as log:
            log.write(f"level=info msg=\"all is well\" length={length}\n")
            log.flush()
            assert not found(watch)
            log.write(f"level=info msg=\"{SPELLINGS[spelling](secret)}\"\n")
        assert found(watch), (length, secret)
        leaks.in_test.clear()
        watch.seen.clear()
        (tmp_path / "stderr.log").unlink()


def test_what_looks_like_a_secret_is_one(watch, tmp_path):
    (tmp_path / "audit.jsonl").write_text('{"subject":"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.AAAA"}\n')
    assert "JSON Web Token" in found(watch)[0]
    with gzip.open(tmp_path / "audit.jsonl.1.gz", "wt") as packed:
        packed.write("-----BEGIN EC PRIVATE KEY-----\n")
    assert "private key" in found(watch)[0]
    assert not found(watch), "it is told once"


def test_credentials_that_clients_send_are_noticed():
    leaks.begin_test()
    password = base64.b64encode(b"user:correct horse battery").decode()
    leaks.notice(
        b"POST / HTTP/1.1\r\nHost: a\r\nauthorization: Bearer token-of-somebody\r\nCookie: a=short; s=session-of-somebody\r\n"
        b"X-API-Key:  key-of-somebody\r\nProxy-Authorization: Basic %s\r\n\r\nbody" % password.encode()
    )
    leaks.notice_field(b"DPoP", b"proof-of-somebody")
    assert set(leaks.in_test) == {
        b"token-of-somebody",
        b"session-of-somebody",
        b"key-of-somebody",
        password.encode(),
        b"correct horse battery",
        b"proof-of-somebody",
    }
