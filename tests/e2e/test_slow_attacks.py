"""Small and bounded versions of the attacks of section 2.5: others are served meanwhile, and memory stays bounded."""

from __future__ import annotations

import time

import pytest

from harness.client import PATIENCE, SANITIZED, Closed, RawClient
from harness.settings import simple

REPLY = {"name": "r", "path": "/*", "reply": {"status": 200, "body": "hi"}}


def latency(postern, listener: str | None = None) -> float:
    start = time.monotonic()
    with postern.client(listener) as client:
        assert client.get("/local").status == 200
    return time.monotonic() - start


@pytest.mark.slow
def test_d9_slowloris(postern_with):
    """200 clients drip their heads: all are gone after header_timeout, and others never wait."""
    postern = postern_with(listener=[{"name": "main", "header_timeout": "1s"}], route=[REPLY])
    clients = [postern.client() for _ in range(200)]
    start = time.monotonic()
    worst, alive = 0.0, clients
    for client in clients:
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n")
    while alive and time.monotonic() - start < 6 * PATIENCE:
        still = []
        for client in alive:
            try:
                client.send("X-A: b\r\n")
                if client.is_open(0):
                    still.append(client)
            except OSError:
                pass
        alive = [client for client in still if not client.buffer]
        worst = max(worst, latency(postern))
        time.sleep(0.1)
    assert not alive, f"{len(alive)} dripping clients are still connected"
    assert worst < 0.5 * PATIENCE
    for client in clients:
        client.close()


@pytest.mark.slow
def test_d9_slow_bodies_do_not_hold_others_up(postern_with, make_origin):
    origin = make_origin()
    postern = postern_with(simple(origin, listener={"body_timeout": "500ms"}))
    clients = [postern.client() for _ in range(100)]
    for client in clients:
        client.send("POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\nx")
    assert latency(postern) < 0.5 * PATIENCE
    for client in clients:
        assert client.read().status == 408
        client.close()
    assert origin.wait_for(lambda: all(conn.ended for conn in origin.connections if not conn.requests[-1].complete))


@pytest.mark.slow
def test_pipelining_without_reading_is_bounded(postern_with):
    """A client that sends requests for ever and reads no answer is stopped by backpressure."""
    postern = postern_with(
        listener=[{"name": "main", "write_timeout": "1s"}],
        route=[{"name": "r", "path": "/*", "reply": {"status": 200, "body": "x" * 10_000}}],
    )
    before = postern.rss_kib()
    with postern.client(receive_buffer=8192) as client:
        client.sock.settimeout(0.3)
        sent = 0
        try:
            for _ in range(20_000):
                sent += client.sock.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n" * 50)
        except OSError:
            pass
        assert sent < 20_000 * 50 * 37, "a million pipelined requests were taken"
        assert SANITIZED or postern.rss_kib() - before < 8_000
        assert latency(postern) < 0.5 * PATIENCE


@pytest.mark.slow
def test_d10_connection_cap(postern_with):
    """Over max_connections: refused or left waiting; what is connected works, and room comes back."""
    postern = postern_with(listener=[{"name": "main", "max_connections": 20}], route=[REPLY])
    held = [postern.client() for _ in range(20)]
    assert all(client.get("/").status == 200 for client in held)
    over = postern.client(timeout=0.5)
    try:
        assert over.get("/").status == 503
    except (Closed, OSError):
        pass
    assert all(client.get("/").status == 200 for client in held)
    assert postern.admin("/healthz").status == 200
    for client in [*held, over]:
        client.close()
    deadline = time.monotonic() + 5 * PATIENCE
    while True:
        try:
            with postern.client(timeout=1) as client:
                assert client.get("/").status == 200
                break
        except (OSError, Closed):
            assert time.monotonic() < deadline, "no room came back"


@pytest.mark.slow
def test_d16_descriptors_run_out(postern_with):
    """With few descriptors: no crash, no spinning, the admin answers, and service comes back."""
    postern = postern_with(listener=[{"name": "main"}], route=[REPLY], wrapper=["prlimit", "--nofile=64:64"])
    clients: list[RawClient] = []
    for _ in range(120):
        try:
            clients.append(postern.client(timeout=1))
        except OSError:
            break
    time.sleep(0.5)
    assert postern.process.poll() is None
    assert postern.admin("/healthz").status == 200, "no descriptor was kept for the admin"
    spent = cpu_seconds(postern.pid)
    time.sleep(1)
    assert cpu_seconds(postern.pid) - spent < 0.5, "accept spins"
    for client in clients:
        client.close()
    deadline = time.monotonic() + 5 * PATIENCE
    while True:
        try:
            assert latency(postern) < 2 * PATIENCE
            break
        except (OSError, Closed):
            assert time.monotonic() < deadline, "no service after the flood"


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


@pytest.mark.heavy
def test_d15_idle_connections_are_small(postern_with):
    """900 idle keep-alive connections; the bench measures it exactly, here it must stay small."""
    postern = postern_with(listener=[{"name": "main"}], route=[REPLY])
    warm = [postern.client() for _ in range(50)]
    for client in warm:
        assert client.get("/").status == 200
    before = postern.rss_kib()
    clients = [postern.client() for _ in range(900)]
    for client in clients:
        assert client.get("/").status == 200
    per_connection = (postern.rss_kib() - before) * 1024 / len(clients)
    for client in [*warm, *clients]:
        client.close()
    assert per_connection < 4096 * PATIENCE, f"{per_connection:.0f} bytes per idle connection"


@pytest.mark.slow
def test_d11_connections_that_vanish(site):
    """Many clients that connect, send half of something and reset: everything is given back."""
    files = site.postern.open_files()
    halves = [
        b"",
        b"GET",
        b"GET /c/x HTTP/1.1\r\nHost: a",
        b"POST /c/x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\nhalf",
        b"POST /c/x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    ]
    for number in range(300):
        client = site.client()
        client.send(halves[number % len(halves)])
        client.reset()
    deadline = time.monotonic() + 5 * PATIENCE
    while site.postern.open_files() > files + 10:
        assert time.monotonic() < deadline, f"{site.postern.open_files()} descriptors, {files} before"
        time.sleep(0.05)
    assert latency(site.postern) < 0.5 * PATIENCE


@pytest.mark.slow
def test_errors_do_not_flood_the_log(site):
    """Bad requests go to the access log and the counters, not to the process's own log."""
    before = len(site.postern.stderr())
    for _ in range(300):
        with site.client() as client:
            client.ask("BAD\r\n\r\n")
    assert len(site.postern.stderr()) - before < 10_000
