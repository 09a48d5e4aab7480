"""Upstreams: down, silent, stale connections and retries, Unix sockets, several endpoints."""

from __future__ import annotations

import socket
import time

import pytest

from harness.client import PATIENCE
from harness.flight import check_problem
from harness.postern import free_port
from harness.settings import simple


def test_upstream_down_is_502(postern_with):
    postern = postern_with(simple(f"127.0.0.1:{free_port()}"))
    with postern.client() as client:
        for _ in range(2):
            answer = client.get("/x")
            assert answer.status == 502
            check_problem(answer)
            assert str(postern.settings["upstream"][0]["endpoints"][0]).encode() not in answer.body


def test_connect_timeout_is_504(postern_with):
    """A listener whose backlog is full does not answer the SYN."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = []
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            fillers.append(filler)
        postern = postern_with(simple(f"127.0.0.1:{full.getsockname()[1]}", upstream={"connect_timeout": "300ms"}))
        with postern.client() as client:
            start = time.monotonic()
            answer = client.get("/x")
            assert answer.status == 504 and time.monotonic() - start < 3 * PATIENCE
            check_problem(answer)
        for filler in fillers:
            filler.close()


def test_unresolvable_name_is_502_503_or_refused(postern_with):
    postern = postern_with(simple("no-such-host.invalid:80"), wait=False)
    try:
        postern.wait_ready()
    except AssertionError:
        postern.kill()
        assert postern.process.returncode == 2 and "no-such-host.invalid" in postern.stderr()
        return
    with postern.client() as client:
        assert client.get("/x").status in (502, 503)


@pytest.mark.parametrize("method, tries", [("GET", 2), ("PUT", 2), ("POST", 1)])
def test_stale_connection_is_retried_when_the_request_can_be(postern_with, make_origin, method, tries):
    """The origin closes a kept connection just when the next request arrives on it."""
    origin = make_origin()

    def once(conn, request):
        if request.target == "/second" and len(conn.requests) > 1:
            conn.close()
        else:
            conn.answer()

    origin.default = once
    postern = postern_with(simple(origin))
    with postern.client() as client:
        assert client.get("/first").status == 200
        body = b"hello" if method != "GET" else b""
        answer = client.post("/second", body, method=method)
        assert answer.status == (200 if tries == 2 else 502)
    assert len(origin.to("/second")) == tries
    assert all(one.body == body for one in origin.to("/second"))


def test_fresh_connection_that_dies_is_not_retried(postern_with, make_origin):
    origin = make_origin()
    origin.default = lambda conn, request: conn.close()
    postern = postern_with(simple(origin))
    with postern.client() as client:
        assert client.get("/x").status == 502
    assert len(origin.to("/x")) == 1


def test_nothing_is_retried_after_a_byte_of_the_answer(postern_with, make_origin):
    origin = make_origin()

    def partial(conn, request):
        if request.target == "/second":
            conn.send(b"HTTP/1.1 200")
            conn.close()
        else:
            conn.answer()

    origin.default = partial
    postern = postern_with(simple(origin))
    with postern.client() as client:
        assert client.get("/first").status == 200
        assert client.get("/second").status == 502
    assert len(origin.to("/second")) == 1


def test_retry_never_and_always(postern_with, make_origin):
    origin = make_origin()

    def once(conn, request):
        conn.close() if "again" in request.target and len(conn.requests) > 1 else conn.answer()

    origin.default = once
    settings = simple(origin)
    settings["route"] = [
        {"name": "never", "path": "/never/*", "forward": "up", "retry": {"when": "never"}},
        {"name": "always", "path": "/always/*", "forward": "up", "retry": {"when": "always"}},
    ]
    postern = postern_with(settings)
    with postern.client() as client:
        assert client.get("/never/first").status == 200
        assert client.get("/never/again").status == 502
        assert client.get("/always/first").status == 200
        assert client.post("/always/again", b"hello").status == 200
    assert [one.body for one in origin.to("/always/again")] == [b"hello"] * 2


def test_uvicorn_contract(postern_with, make_origin):
    """An origin that closes idle connections sooner than postern: no request fails, POST included."""
    origin = make_origin(idle_close=0.3)
    postern = postern_with(simple(origin, upstream={"keepalive_timeout": "200ms"}))
    failures = []
    with postern.client() as client:
        for pause in (0.05, 0.15, 0.19, 0.25, 0.29, 0.3, 0.305, 0.31, 0.35, 0.45):
            answer = client.post("/x", b"hello")
            if answer.status != 200:
                failures.append((pause, answer.status))
            time.sleep(pause)
    assert not failures


def test_idle_close_is_noticed_before_use(postern_with, make_origin):
    """The kept connection was closed a while ago: a POST takes a fresh one."""
    origin = make_origin(idle_close=0.1)
    postern = postern_with(simple(origin))
    with postern.client() as client:
        for _ in range(4):
            assert client.post("/x", b"hello").status == 200
            time.sleep(0.2)
    assert len(origin.connections) == 4


def test_idle_connections_are_bounded_and_closed(postern_with, make_origin):
    origin = make_origin()
    origin.default = lambda conn, request: (time.sleep(0.15), conn.answer())
    postern = postern_with(simple(origin, upstream={"max_idle": 2, "keepalive_timeout": "600ms"}))
    clients = [postern.client() for _ in range(8)]
    for client in clients:
        client.send("GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n")
    for client in clients:
        assert client.read().status == 200
    assert origin.wait_for(lambda: origin.open_connections() <= 2), origin.open_connections()
    assert origin.wait_for(lambda: origin.open_connections() == 0), "idle connections outlive keepalive_timeout"
    for client in clients:
        client.close()


def test_connection_close_of_the_origin_is_obeyed(postern_with, make_origin):
    origin = make_origin()
    origin.default = lambda conn, request: conn.answer(headers="Connection: close\r\n")
    postern = postern_with(simple(origin))
    with postern.client() as client:
        for _ in range(3):
            answer = client.get("/x")
            assert answer.status == 200 and not answer.says_close, "the origin's close is not the client's"
    assert len(origin.connections) == 3


def test_unix_socket_upstream_and_listener(postern_with, make_origin, tmp_path):
    origin = make_origin(path=str(tmp_path / "origin.sock"))
    listen = tmp_path / "postern.sock"
    postern = postern_with(simple(origin, listener={"address": f"unix:{listen}", "unix_mode": "0600"}))
    assert listen.stat().st_mode & 0o777 == 0o600
    with postern.client() as client:
        assert client.post("/x", b"hello").body == b"ok"
    assert origin.last("/x").body == b"hello"


def test_stale_unix_socket_file_is_taken_over(postern_with, tmp_path):
    path = tmp_path / "postern.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    postern = postern_with(
        listener=[{"address": f"unix:{path}"}],
        route=[{"name": "r", "path": "/*", "reply": {"status": 200, "body": "hi"}}],
    )
    with postern.client() as client:
        assert client.get("/").body == b"hi"


def test_round_robin(postern_with, make_origin):
    origins = [make_origin(name) for name in ("a", "b", "c")]
    settings = simple(origins[0])
    settings["upstream"][0]["endpoints"] = [one.endpoint for one in origins]
    settings["upstream"][0]["balance"] = {"kind": "round_robin"}
    postern = postern_with(settings)
    with postern.client() as client:
        names = [client.get("/x").fields["x-origin"] for _ in range(9)]
    assert sorted(names) == list("aaabbbccc") and names[:3] == names[3:6] == names[6:]


def test_connect_failure_moves_on_to_the_next_endpoint(postern_with, make_origin):
    """Nothing was sent, so any request may be tried elsewhere."""
    origin = make_origin()
    settings = simple(origin)
    settings["upstream"][0]["endpoints"] = [f"127.0.0.1:{free_port()}", origin.endpoint]
    postern = postern_with(settings)
    with postern.client() as client:
        assert [client.post("/x", b"hello").status for _ in range(4)] == [200] * 4


def test_host_of_the_endpoint(postern_with, make_origin):
    origin = make_origin()
    postern = postern_with(simple(origin, route={"preserve_host": False}))
    with postern.client() as client:
        client.get("/x")
    assert origin.last("/x").fields["host"] == origin.endpoint
    assert origin.last("/x").fields["x-forwarded-host"] == "a.test"


def test_buffered_request_reaches_the_origin_whole(postern_with, make_origin):
    """buffer_request: the origin is not asked before the body is complete."""
    origin = make_origin()
    postern = postern_with(simple(origin, route={"buffer_request": True}))
    with postern.client() as client:
        client.send("POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nhello")
        time.sleep(0.15)
        assert not origin.requests
        assert client.ask("world").status == 200
    assert origin.last("/x").body == b"helloworld"
