"""Signals: drain, reload, reopen; workers; PID 1. (Bad configs: test_startup.py)"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from harness.client import PATIENCE, SANITIZED, Closed
from harness.settings import simple

HEAD = b"HTTP/1.1 200 OK\r\nX-Origin: 1\r\n"


def hello(body: str = "hi", **top) -> dict:
    return {
        "listener": [{"name": "main"}],
        "route": [{"name": "r", "path": "/*", "reply": {"status": 200, "body": body}}],
        **top,
    }


def refuses(postern) -> bool:
    try:
        with postern.client(timeout=1) as client:
            client.get("/")
            return False
    except (OSError, Closed):
        return True


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_drain_lets_requests_end(postern_with, make_origin, sign):
    """In flight: completed. New: refused. Idle: closed. Then exit 0, well before the deadline."""
    origin, gate = make_origin(), threading.Event()

    def late(conn, request):
        gate.wait(10)
        conn.answer(body=b"late")

    origin.on("/late", late)
    postern = postern_with(simple(origin, shutdown={"drain_timeout": "20s"}))
    with postern.client() as busy, postern.client() as idle:
        assert idle.get("/x").status == 200
        busy.send("GET /late HTTP/1.1\r\nHost: a.test\r\n\r\n")
        origin.last("/late")
        assert postern.is_ready()
        postern.process.send_signal(sign)
        assert idle.how_it_ends() == "fin"
        assert origin.wait_for(lambda: refuses(postern)), "a draining postern takes new connections"
        assert not postern.is_ready() and postern.process.poll() is None
        gate.set()
        answer = busy.read()
        assert answer.body == b"late" and answer.says_close
        assert busy.how_it_ends() == "fin"
    assert postern.wait_exit(5) == 0


def test_readyz_is_503_from_the_first_moment_of_a_drain(postern_with, make_origin):
    origin = make_origin()
    origin.on("/late", lambda conn, request: (time.sleep(1), conn.answer()))
    postern = postern_with(simple(origin))
    with postern.client() as busy:
        busy.send("GET /late HTTP/1.1\r\nHost: a.test\r\n\r\n")
        origin.last("/late")
        postern.process.terminate()
        statuses = set()
        while postern.process.poll() is None and 503 not in statuses:
            try:
                statuses.add(postern.admin("/readyz").status)
            except (OSError, Closed):
                break
        assert 503 in statuses
        assert postern.admin("/healthz").status == 200, "draining is healthy"
        assert busy.read().status == 200
    assert postern.wait_exit() == 0


def test_drain_deadline(postern_with, make_origin):
    origin = make_origin()

    def endless(conn, request):
        conn.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            while conn.ended is None:
                conn.send(b"1\r\nx\r\n")
                time.sleep(0.05)
        except OSError:
            pass

    origin.on("/endless", endless)
    postern = postern_with(simple(origin, shutdown={"drain_timeout": "1s"}))
    with postern.client() as client:
        client.send("GET /endless HTTP/1.1\r\nHost: a.test\r\n\r\n")
        head = client.read_head()
        start = time.monotonic()
        postern.process.terminate()
        with pytest.raises(Closed):
            client.read_body(head)
        assert postern.wait_exit(5) == 0
        assert 0.8 < time.monotonic() - start < 3 * PATIENCE


def test_second_sigterm_does_not_harm(postern_with):
    postern = postern_with(hello())
    postern.process.terminate()
    try:
        postern.process.terminate()
    except ProcessLookupError:
        pass
    assert postern.wait_exit() == 0


def test_reload_with_a_stream_in_flight(postern_with, make_origin):
    """The stream keeps the route and the upstream that it began with, though both are gone from the config."""
    origin, gate = make_origin(), threading.Event()

    def stream(conn, request):
        conn.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        gate.wait(10)
        conn.send(b"6\r\nsecond\r\n0\r\n\r\n")

    origin.on("/stream", stream)
    settings = simple(origin, route={"response_headers": {"set": {"X-Generation": "1"}}})
    postern = postern_with(settings)
    with postern.client() as streaming, postern.client() as kept:
        streaming.send("GET /stream HTTP/1.1\r\nHost: a.test\r\n\r\n")
        head = streaming.read_head()
        assert head.fields["x-generation"] == "1"
        assert kept.get("/x").fields["x-origin"] == "o1"
        changed = {**postern.settings, "route": hello("new")["route"]}
        del changed["upstream"]
        postern.reload(changed)
        assert kept.get("/x").body == b"new", "a kept connection uses the new config for its next request"
        with postern.client() as fresh:
            assert fresh.get("/x").body == b"new"
        gate.set()
        assert streaming.read_body(head).body == b"firstsecond"
        assert streaming.get("/x").body == b"new"


def test_reload_under_load_loses_nothing(postern_with, make_origin):
    origin = make_origin()
    postern = postern_with(simple(origin), workers=2)
    stop, failures, done = threading.Event(), [], []

    def load():
        client = postern.client()
        while not stop.is_set():
            try:
                answer = client.post("/x", b"hello")
                done.append(answer.status)
                if answer.status != 200:
                    failures.append(answer.status)
                if answer.says_close:
                    client = postern.client()
            except Exception as problem:  # every kind of failure counts
                failures.append(repr(problem))
                client = postern.client()

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        postern.reload(postern.settings)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures, failures[:5]
    assert len(done) > 50


@pytest.mark.parametrize("kind", ["syntax", "unknown-key", "dangling", "missing-file"])
def test_bad_config_on_reload_changes_nothing(postern_with, kind):
    postern = postern_with(hello("old"))
    good = postern.config.read_text()
    text = {
        "syntax": good + "\n[[route\n",
        "unknown-key": "wokers = 3\n" + good,
        "dangling": good + '\n[[route]]\nname = "x"\npath = "/x"\nforward = "nowhere"\n',
        "missing-file": None,
    }[kind]
    if text is None:
        postern.config.unlink()
        log = postern.reload(result="failed")
    else:
        log = postern.reload(text, result="failed")
    assert {"syntax": "postern.toml:", "unknown-key": "wokers", "dangling": "nowhere", "missing-file": "postern.toml"}[
        kind
    ] in log
    with postern.client() as client:
        assert client.get("/").body == b"old"
    assert postern.is_ready()
    postern.reload(good.replace('"old"', '"new"'))
    with postern.client() as client:
        assert client.get("/").body == b"new"


def test_reload_changes_limits_and_upstreams(postern_with, make_origin):
    first, second = make_origin("first"), make_origin("second")
    postern = postern_with(simple(first))
    with postern.client() as client:
        assert client.get("/x").fields["x-origin"] == "first"
        settings = postern.settings
        settings["upstream"][0]["endpoints"] = [second.endpoint]
        settings["route"][0]["max_body"] = "10B"
        postern.reload(settings)
        assert client.get("/x").fields["x-origin"] == "second"
        assert client.post("/x", b"x" * 11).status == 413


def test_reloads_do_not_leak(postern_with):
    postern = postern_with(hello())
    for _ in range(5):
        postern.reload(postern.settings)
    files, rss = postern.open_files(), postern.rss_kib()
    for _ in range(20):
        postern.reload(postern.settings)
    assert postern.open_files() <= files + 1
    assert SANITIZED or postern.rss_kib() - rss < 4_000


def test_sigusr1_reopens_the_access_log(postern_with, tmp_path):
    log = tmp_path / "access.log"
    postern = postern_with(hello(access_log={"path": str(log)}))
    with postern.client() as client:
        client.get("/before")
        assert wait_line(log, "/before")
        log.rename(tmp_path / "access.log.1")
        postern.process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + 5 * PATIENCE
        while not log.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        client.get("/after")
        assert wait_line(log, "/after")
    assert "/after" not in (tmp_path / "access.log.1").read_text() and "/before" not in log.read_text()


def wait_line(path: Path, text: str, timeout: float = 5) -> bool:
    deadline = time.monotonic() + timeout * PATIENCE
    while time.monotonic() < deadline:
        if path.exists() and text in path.read_text():
            return True
        time.sleep(0.02)
    return False


def test_every_worker_listens(postern_with):
    """Two workers: a listening socket each on the same port, and no connection waits at one that nobody serves."""
    postern = postern_with(hello(workers=2))
    port = f":{postern.address()[1]:04X}"
    table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    assert sum(entry[1].endswith(port) and entry[3] == "0A" for entry in table) == 2
    for _ in range(60):
        with postern.client() as client:
            assert client.get("/").status == 200


def test_workers_zero_means_the_cpus_it_may_use(postern_with):
    postern = postern_with(hello(workers=0), wrapper=["taskset", "-c", "0"])
    one = len(list(Path(f"/proc/{postern.pid}/task").iterdir()))
    two = postern_with(hello(workers=2))
    assert len(list(Path(f"/proc/{two.pid}/task").iterdir())) == one + 1


def can_unshare() -> bool:
    return (
        shutil.which("unshare") is not None
        and subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], capture_output=True).returncode == 0
    )


@pytest.mark.skipif(not can_unshare(), reason="no PID namespaces here")
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_pid_1(postern_with, sign):
    """PID 1 has no default handlers: the signals must be taken; orphans must be reaped."""
    postern = postern_with(hello(), wrapper=["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"])
    children = Path(f"/proc/{postern.pid}/task/{postern.pid}/children").read_text().split()
    assert len(children) == 1
    with postern.client() as client:
        assert client.get("/").status == 200
    os.kill(int(children[0]), sign)
    assert postern.wait_exit() == 0



def test_listeners_swap_addresses_on_reload(postern_with):
    """The sockets stay, only what they stand for changes; a new name alone is no new socket either."""
    names = ["one", "two", "three"]

    def settings(order, addresses=None):
        listeners = [{"name": name} for name in order]
        for listener, address in zip(listeners, addresses or []):
            listener["address"] = address
        routes = [{"name": n, "path": "/*", "listeners": [n], "reply": {"status": 200, "body": n}} for n in order]
        return {"listener": listeners, "route": routes}

    postern = postern_with(settings(names))
    addresses = [listener["address"] for listener in postern.settings["listener"]]
    assert [postern.client(name).get("/").body for name in names] == [b"one", b"two", b"three"]
    postern.reload({**postern.settings, **settings(["two", "one", "renamed"], addresses)})
    assert [postern.client(name).get("/").body for name in ("two", "one", "renamed")] == [b"two", b"one", b"renamed"]
