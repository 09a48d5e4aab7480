"""The audit trail of a running postern: what is on the disk before a request goes on, what a kill leaves behind, what a
full disk refuses, and what never stands in a record."""

from __future__ import annotations

import json
import os
import random
import re
import resource
import signal
import subprocess
import threading
import time

import pytest

from harness.client import PATIENCE, Closed
from harness.origin import Origin
from harness.postern import Postern, run_cli

pytestmark = pytest.mark.timeout(60)

SECRETS = ["eyJhbGciOiJub25lIn0.e30.secret-of-a-token", "cookie-of-somebody", "query-of-somebody"]


@pytest.fixture(scope="module")
def origin():
    origin = Origin("o1")
    yield origin
    origin.close()


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    private, public = folder / "audit.pem", folder / "audit.pub"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    return private, public


def settings(origin, keys, folder, **stream) -> dict:
    return {
        "listener": [{"name": "main"}, {"name": "inner"}],
        "upstream": [{"name": "origin", "endpoints": [origin.endpoint]}],
        "route": [
            {"name": "intent", "path": "/intent/*", "forward": "origin", "audit": "intent"},
            {"name": "lenient", "path": "/lenient/*", "forward": "origin", "audit": "intent", "audit_required": False},
            {"name": "outcome", "path": "/outcome/*", "forward": "origin", "audit": "outcome"},
            {"name": "quiet", "path": "/quiet/*", "forward": "origin"},
        ],
        "audit": [{"name": "main", "file": str(folder / "audit.jsonl"), "key_file": str(keys[0]), **stream}],
    }


def records(folder) -> list[dict]:
    text = (folder / "audit.jsonl").read_bytes()
    return [json.loads(line) for line in text.split(b"\n")[:-1]]


def verify(folder, keys, *more: str):
    files = sorted(str(path) for path in folder.glob("audit.jsonl*") if path.suffix != ".lock")
    random.shuffle(files)
    return run_cli("audit", "verify", "--key", str(keys[1]), *more, *files)


def assert_good(folder, keys) -> str:
    done = verify(folder, keys)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ask(postern, target: str, listener: str | None = None, headers: str = "") -> int:
    with postern.client(listener) as client:
        return client.get(target, headers=headers).status


def test_whoever_has_an_answer_stands_on_the_record(tmp_path, origin, keys):
    postern = Postern(tmp_path / "p", settings(origin, keys, tmp_path))
    try:
        for i in range(5):
            with postern.client() as client:
                assert client.get(f"/intent/{i}").status == 200
            assert any(r["kind"] == "intent" and r["path"] == f"/intent/{i}" for r in records(tmp_path))
        assert ask(postern, "/outcome/x") == 200
        assert ask(postern, "/quiet/x") == 200
    finally:
        postern.stop()
    found = records(tmp_path)
    kinds = [r["kind"] for r in found]
    outcomes = [(r["seq"], *entry) for r in found for entry in r.get("outcomes", [])]
    assert kinds.count("intent") == 5 and len(outcomes) == 5 and kinds.count("request") == 1
    intents = {r["request_id"]: r for r in found if r["kind"] == "intent"}
    for seq, request_id, status, _, _, _, _, upstream, endpoint in outcomes:
        assert status == 200 and upstream == "origin" and endpoint == origin.endpoint
        assert intents[request_id]["seq"] < seq
    assert "closed" in assert_good(tmp_path, keys)


def test_what_was_changed_is_found_by_the_command(tmp_path, origin, keys):
    postern = Postern(tmp_path / "p", settings(origin, keys, tmp_path))
    for i in range(4):
        assert ask(postern, f"/outcome/{i}") == 200
    postern.stop()
    assert_good(tmp_path, keys)
    path = tmp_path / "audit.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    number = next(i for i, line in enumerate(lines) if "/outcome/2" in line)
    path.write_text("".join(lines[:number] + lines[number + 1:]))
    done = verify(tmp_path, keys)
    assert done.returncode == 1
    assert f"audit.jsonl:{number + 1}: record {number + 2}: record {number + 1} is missing" in done.stderr
    path.write_text("".join(lines).replace("/outcome/2", "/outcome/9"))
    done = verify(tmp_path, keys)
    assert done.returncode == 1
    # Records that were written at the same time share a hash: it is one of them.
    told = re.search(r"audit\.jsonl:(\d+): record \1: the record was changed,(?: or one of those up to (\d+),)?", done.stderr)
    assert told and int(told[1]) <= number + 1 <= int(told[2] or told[1])


def test_no_secret_and_no_query_is_recorded(tmp_path, origin, keys):
    postern = Postern(tmp_path / "p", settings(origin, keys, tmp_path))
    token, cookie, query = SECRETS
    headers = f"Authorization: Bearer {token}\r\nCookie: session={cookie}\r\nX-API-Key: {token}\r\n"
    for path in ("/intent/x", "/outcome/x"):
        assert ask(postern, f"{path}?access_token={query}", headers=headers) == 200
    postern.stop()
    text = (tmp_path / "audit.jsonl").read_text()
    assert "/intent/x" in text and "/outcome/x" in text
    for secret in SECRETS:
        assert secret not in text


@pytest.mark.parametrize("sync", ["group", "none"])
def test_killed_at_any_moment_it_leaves_a_chain(tmp_path, origin, keys, sync):
    random.seed(5)
    answered: list[str] = []

    def load(postern, stop) -> None:
        number = 0
        while not stop.is_set():
            try:
                with postern.client() as client:
                    while not stop.is_set():
                        number += 1
                        name = f"{threading.get_ident()}-{number}"
                        if client.get(f"/intent/{name}").status == 200:
                            answered.append(name)
            except (Closed, OSError):
                return

    for _ in range(4):
        postern = Postern(tmp_path / "p", settings(origin, keys, tmp_path, sync=sync, rotate_size="64KiB",
                                                   checkpoint_records=20))
        stop = threading.Event()
        clients = [threading.Thread(target=load, args=(postern, stop)) for _ in range(4)]
        for client in clients:
            client.start()
        time.sleep(random.uniform(0.05, 0.4))
        os.kill(postern.pid, signal.SIGKILL)
        stop.set()
        for client in clients:
            client.join()
        postern.kill()
        assert_good(tmp_path, keys)
    assert answered
    if sync == "group":  # whoever had an answer stands in the trail
        text = "".join(path.read_text() for path in tmp_path.glob("audit.jsonl*"))
        missing = [name for name in answered if f'"/intent/{name}"' not in text]
        assert not missing


def test_a_full_disk_refuses_where_it_is_required(tmp_path, origin, keys):
    postern = Postern(tmp_path / "p", settings(origin, keys, tmp_path))
    try:
        assert ask(postern, "/intent/before") == 200
        unlimited = resource.prlimit(postern.pid, resource.RLIMIT_FSIZE)
        size = (tmp_path / "audit.jsonl").stat().st_size
        resource.prlimit(postern.pid, resource.RLIMIT_FSIZE, (size, unlimited[1]))
        seen = len(origin.requests)
        assert ask(postern, "/intent/full") == 503
        assert ask(postern, "/intent/full") == 503
        assert len(origin.requests) == seen, "nothing goes on that is not on the record"
        assert ask(postern, "/lenient/full") == 200
        assert ask(postern, "/quiet/full") == 200
        resource.prlimit(postern.pid, resource.RLIMIT_FSIZE, unlimited)
        deadline = time.monotonic() + 8 * PATIENCE
        while ask(postern, "/intent/after") != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        postern.stop()
    found = records(tmp_path)
    assert any(r.get("path") == "/lenient/full" and r["kind"] == "request" for r in found), "outcomes wait for room"
    assert any(r.get("path") == "/intent/full" and r.get("status") == 503 for r in found)
    assert_good(tmp_path, keys)


def test_each_listener_has_its_stream_and_a_reload_moves_it(tmp_path, origin, keys):
    config = settings(origin, keys, tmp_path)
    config["audit"].append({"name": "inner", "file": str(tmp_path / "inner.jsonl"), "listeners": ["inner"]})
    postern = Postern(tmp_path / "p", config)
    try:
        assert ask(postern, "/intent/m") == 200 and ask(postern, "/intent/i", "inner") == 200
        config = dict(postern.settings, audit=postern.settings["audit"][:1])
        postern.reload(config)
        assert ask(postern, "/intent/after", "inner") == 200
    finally:
        postern.stop()
    inner = (tmp_path / "inner.jsonl").read_text()
    assert '"/intent/i"' in inner and '"/intent/m"' not in inner and '"/intent/after"' not in inner
    assert {r["path"] for r in records(tmp_path) if r["kind"] == "intent"} == {"/intent/m", "/intent/after"}
    assert run_cli("audit", "verify", str(tmp_path / "inner.jsonl")).returncode == 0


def test_a_key_that_is_none_is_told_before_anything_runs(tmp_path, origin, keys):
    config = settings(origin, (tmp_path / "no.pem", None), tmp_path)
    postern = Postern(tmp_path / "p", config, wait=False)
    assert postern.wait_exit() != 0
    assert "no.pem" in postern.stderr()
