"""Certificates that change on disk are taken up without a restart; what does not load changes nothing."""

from __future__ import annotations

import os
import shutil
import ssl
import time
from pathlib import Path

import pytest

from harness.certs import Pair, client_context
from harness.client import PATIENCE


def settings(cert: Path, key: Path) -> dict:
    return {
        "listener": [{"name": "main", "tls": {"certificate": [{"cert": str(cert), "key": str(key)}]}}],
        "route": [{"name": "r", "path": "/*", "reply": {"status": 200, "body": "hi"}}],
    }


def served(postern) -> int:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(str(postern.authority.cert))
    with postern.client(tls=context, server_name="a.test") as client:
        assert client.get("/").status == 200
        return int(client.sock.getpeercert()["serialNumber"], 16)


def wait_served(postern, pair: Pair, timeout: float = 8) -> None:
    deadline = time.monotonic() + timeout * PATIENCE
    while served(postern) != pair.serial():
        assert time.monotonic() < deadline, f"the new certificate is not served:\n{postern.stderr()[-3000:]}"
        time.sleep(0.05)


def put(pair: Pair, cert: Path, key: Path) -> None:
    """Each file changes at once, by a rename, as careful tools do; the pair does not."""
    for source, target in ((pair.key, key), (pair.cert, cert)):
        shutil.copy(source, f"{target}.new")
        os.rename(f"{target}.new", target)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "certs").mkdir()
    return tmp_path / "certs"


def test_renamed_files_three_times(postern_with, authority, folder):
    cert, key = folder / "a.pem", folder / "a.key"
    put(authority.issue("a.test"), cert, key)
    postern = postern_with(settings(cert, key))
    postern.authority = authority
    for kind in ("ecdsa", "rsa", "ecdsa"):
        pair = authority.issue("a.test", kind=kind)
        put(pair, cert, key)
        wait_served(postern, pair)


def test_files_written_in_place(postern_with, authority, folder):
    """A tool that truncates and writes: half a file on the way must do no harm."""
    cert, key = folder / "a.pem", folder / "a.key"
    first, second = authority.issue("a.test"), authority.issue("a.test")
    put(first, cert, key)
    postern = postern_with(settings(cert, key))
    postern.authority = authority
    for source, target in ((second.key, key), (second.cert, cert)):
        text = source.read_bytes()
        with target.open("wb") as out:
            for at in range(0, len(text), 100):
                out.write(text[at : at + 100])
                out.flush()
                time.sleep(0.01)
        assert served(postern) in (first.serial(), second.serial())
    wait_served(postern, second)


def test_kubernetes_symlink_swaps_three_times(postern_with, authority, folder):
    def publish(pair: Pair, number: int) -> None:
        version = folder / f"..2026_0{number}"
        version.mkdir()
        shutil.copy(pair.cert, version / "tls.crt")
        shutil.copy(pair.key, version / "tls.key")
        old = os.readlink(folder / "..data") if (folder / "..data").is_symlink() else None
        os.symlink(version.name, folder / "..data_tmp")
        os.rename(folder / "..data_tmp", folder / "..data")
        if old:
            shutil.rmtree(folder / old)

    first = authority.issue("a.test")
    publish(first, 0)
    for name in ("tls.crt", "tls.key"):
        os.symlink(f"..data/{name}", folder / name)
    postern = postern_with(settings(folder / "tls.crt", folder / "tls.key"))
    postern.authority = authority
    assert served(postern) == first.serial()
    for number in range(1, 4):
        pair = authority.issue("a.test")
        publish(pair, number)
        wait_served(postern, pair)


@pytest.mark.parametrize("broken", ["garbage", "mismatch", "missing", "empty"])
def test_broken_pair_keeps_the_old_one(postern_with, authority, folder, broken):
    cert, key = folder / "a.pem", folder / "a.key"
    first, second = authority.issue("a.test"), authority.issue("a.test")
    put(first, cert, key)
    postern = postern_with(settings(cert, key))
    postern.authority = authority
    if broken == "garbage":
        cert.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    elif broken == "mismatch":
        put(Pair(second.cert, first.key), cert, key)
    elif broken == "missing":
        key.unlink()
    else:
        key.write_text("")
    postern.wait_total("postern_certificate_reloads_total", 1, timeout=5, result="failed")
    assert served(postern) == first.serial() and postern.is_ready()
    assert str(folder) in postern.stderr(), "the log does not say which file"
    put(second, cert, key)
    wait_served(postern, second)


def test_connection_in_use_survives_the_change(postern_with, authority, folder):
    cert, key = folder / "a.pem", folder / "a.key"
    put(authority.issue("a.test"), cert, key)
    postern = postern_with(settings(cert, key))
    postern.authority = authority
    with postern.client(tls=client_context(authority), server_name="a.test") as client:
        assert client.get("/").status == 200
        pair = authority.issue("a.test")
        put(pair, cert, key)
        wait_served(postern, pair)
        assert client.get("/").status == 200


def test_sighup_takes_up_certificates_as_well(postern_with, authority, folder):
    cert, key = folder / "a.pem", folder / "a.key"
    put(authority.issue("a.test"), cert, key)
    postern = postern_with(settings(cert, key))
    postern.authority = authority
    pair = authority.issue("a.test")
    put(pair, cert, key)
    postern.reload()
    wait_served(postern, pair, timeout=1)
