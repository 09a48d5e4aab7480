"""HTTP/2 towards upstreams: prior knowledge and ALPN, many requests on few connections, and every way to break off."""

from __future__ import annotations

import socket
import threading
import time

import pytest

pytest.importorskip("h2", reason="PyPI's h2 is not installed")

from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from harness.certs import server_context
from harness.client import Closed
from harness.flight import check_problem
from harness.h2_origin import H2Origin
from harness.settings import simple

REFUSED = int(ErrorCodes.REFUSED_STREAM)
CANCEL = int(ErrorCodes.CANCEL)


@pytest.fixture
def make_h2():
    made: list[H2Origin] = []

    def make(**options) -> H2Origin:
        made.append(H2Origin(**options))
        return made[-1]

    yield make
    for one in made:
        one.close()
        assert not one.violations, one.violations


@pytest.fixture
def h2(make_h2):
    return make_h2()


def over_h2(origin, upstream: dict | None = None, **more) -> dict:
    """One worker, so that connections can be counted."""
    settings = simple(origin.endpoint, upstream={"protocol": "h2", **(upstream or {})}, **more)
    settings["workers"] = 1
    return settings


def wait_for(condition, timeout: float = 5.0):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_what_the_upstream_gets(postern_with, h2):
    postern = postern_with(over_h2(h2))
    with postern.client() as client:
        answer = client.ask(
            "GET /a/b?x=1&y=2 HTTP/1.1\r\nHost: example.com\r\nX-MiXed: Value\r\nConnection: x-gone\r\nX-Gone: 1\r\n"
            "Keep-Alive: 5\r\nTE: trailers\r\nAuthorization: Bearer t\r\nCookie: a=b\r\n\r\n"
        )
        assert answer.status == 200 and answer.body == b"ok"
    request = h2.last("/a/b")
    pseudo = [(k, v) for k, v in request.headers if k.startswith(":")]
    assert dict(pseudo) == {":method": "GET", ":scheme": "http", ":authority": "example.com", ":path": "/a/b?x=1&y=2"}
    assert request.headers[: len(pseudo)] == pseudo
    assert all(k == k.lower() for k, _ in request.headers)
    assert request.get("x-mixed") == "Value" and request.get("cookie") == "a=b"
    for gone in ("host", "connection", "keep-alive", "x-gone", "transfer-encoding", "upgrade", "content-length"):
        assert request.get(gone) is None, gone
    assert request.ended and request.body == b""


def test_bodies_both_ways(postern_with, h2):
    body = bytes(range(256)) * 4096  # 1 MiB: more than every window
    h2.on("/echo", lambda c, r: c.answer(r, 200, r.body))
    postern = postern_with(over_h2(h2))
    with postern.client() as client:
        for size in (0, 1, 1000, 70_000, len(body)):
            answer = client.post("/echo", body[:size])
            assert answer.status == 200 and answer.body == body[:size]
        assert h2.last("/echo").get("content-length") == str(len(body))
        client.send("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        assert client.read().body == b"hello"
        assert h2.last("/echo").get("content-length") is None
    assert len(h2.connections) == 1


def test_head_204_304_and_interim_answers(postern_with, h2):
    h2.on("/head", lambda c, r: c.head(r, 200, [("content-length", "42")], end=True))
    h2.on("/204", lambda c, r: c.head(r, 204, end=True))
    h2.on("/304", lambda c, r: c.head(r, 304, [("etag", '"x"')], end=True))

    def hints(c, r):
        c.h2.send_headers(r.stream, [(":status", "103"), ("link", "</x>")])
        c.answer(r, 200, b"after")

    h2.on("/hints", hints)
    postern = postern_with(over_h2(h2))
    with postern.client() as client:
        answer = client.ask("HEAD /head HTTP/1.1\r\nHost: h\r\n\r\n", head=True)
        assert answer.status == 200 and answer.fields.get("content-length") == "42" and answer.body == b""
        assert client.get("/204").status == 204
        assert client.get("/304").status == 304
        client.send("GET /hints HTTP/1.1\r\nHost: h\r\n\r\n")
        assert client.read_head(interim=True).status == 103
        answer = client.read()
        assert answer.status == 200 and answer.body == b"after"


def test_trailers_and_trailers_only(postern_with, h2):
    def with_trailers(c, r):
        c.head(r, 200)
        c.data(r, b"data")
        c.trailers(r, [("x-checksum", "7"), ("content-type", "x/y"), ("x-not-listed", "1")])

    h2.on("/trailers", with_trailers)
    h2.on("/only", lambda c, r: c.head(r, 200, [("grpc-status", "5")], end=True))
    postern = postern_with(over_h2(h2, route={"response_trailers": ["x-checksum"]}))
    with postern.client() as client:
        answer = client.ask("GET /trailers HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: te\r\n\r\n")
        assert answer.body == b"data"
        assert h2.last("/trailers").get("te") == "trailers"
        answer = client.get("/only")
        assert answer.status == 200 and answer.fields.get("grpc-status") == "5" and answer.body == b""


def test_over_tls_with_alpn(postern_with, make_h2, make_origin, authority):
    pair = authority.issue("localhost", ["localhost", "127.0.0.1"])
    agreed, refusing, old = server_context(pair), server_context(pair), server_context(pair)
    agreed.set_alpn_protocols(["h2", "http/1.1"])
    refusing.set_alpn_protocols(["http/1.1"])
    origin = make_h2(tls=agreed)
    tls = {"ca": str(authority.cert)}
    postern = postern_with(over_h2(origin, {"tls": tls}))
    with postern.client() as client:
        for _ in range(3):
            assert client.post("/x", b"x" * 50_000).status == 200
    assert len(origin.connections) == 1 and origin.last("/x").get(":scheme") == "https"
    for context in (refusing, old):
        h1 = make_origin(tls=context)
        strict = postern_with(over_h2(h1, {"tls": tls}))
        with strict.client() as client:
            answer = client.get("/x")
            assert answer.status == 502
            check_problem(answer)
        assert "does not agree to HTTP/2" in strict.stderr()
        flexible = postern_with(over_h2(h1, {"tls": tls, "protocol": "auto"}))
        with flexible.client() as client:
            assert client.get("/x").status == 200
    auto = postern_with(over_h2(origin, {"tls": tls, "protocol": "auto"}))
    with auto.client() as client:
        assert client.get("/y").status == 200
    assert origin.last("/y").get(":scheme") == "https"


def test_a_hundred_at_once_share_few_connections(postern_with, h2):
    gate = threading.Event()
    count = 100
    seen = []

    def late(c, r):
        seen.append((c, r))
        if len(seen) == count:
            gate.set()
            for connection, request in seen:
                connection.answer(request, 200, request.path.encode())

    h2.on("/late*", late)
    postern = postern_with(over_h2(h2, {"h2_max_streams": 60}))
    clients = [postern.client() for _ in range(count)]
    try:
        for i, client in enumerate(clients):
            client.send(f"GET /late{i} HTTP/1.1\r\nHost: h\r\n\r\n")
        for i, client in enumerate(clients):
            assert client.read().body == b"/late%d" % i
    finally:
        for client in clients:
            client.close()
    assert len(h2.connections) == 2
    assert max(c.streams for c in h2.connections) <= 60


def test_the_servers_limit_of_streams_counts(postern_with, make_h2):
    origin = make_h2(settings={SettingCodes.MAX_CONCURRENT_STREAMS: 2})
    held = []
    origin.on("/hold", lambda c, r: held.append((c, r)))
    postern = postern_with(over_h2(origin))
    with postern.client() as first:
        assert first.get("/warm").status == 200
    clients = [postern.client() for _ in range(6)]
    for client in clients:
        client.send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n")
    wait_for(lambda: len(held) == 6)
    for c, r in held:
        c.answer(r)
    for client in clients:
        assert client.read().status == 200
        client.close()
    assert max(c.streams for c in origin.connections) <= 3 and len(origin.connections) >= 3


def test_refused_streams_are_repeated_whatever_the_method(postern_with, h2):
    def once(c, r):
        if len(h2.got(r.path)) == 1:
            c.reset(r, REFUSED)
        else:
            c.answer(r, 200, b"second " + r.body)

    h2.on("/refused", once)
    postern = postern_with(over_h2(h2))
    with postern.client() as client:
        answer = client.post("/refused", b"body")
        assert answer.status == 200 and answer.body == b"second body"
    h2.on("/always", lambda c, r: c.reset(r, REFUSED))
    with postern.client() as client:
        answer = client.post("/always", b"body")
        assert answer.status == 502
        check_problem(answer)
    assert len(h2.got("/always")) == 3  # route.retry.attempts
    assert 'reason="unprocessed"' in postern.admin("/metrics").body.decode()


def test_goaway_moves_what_was_left_out(postern_with, h2):
    held = []

    def hold(c, r):
        held.append(r)
        if len(held) == 2:
            c.go_away(held[0].stream)  # the first is served, the second never was
            c.answer(held[0], 200, b"first")

    h2.on("/a", hold)
    h2.on("/b", lambda c, r: hold(c, r) if c.number == 0 else c.answer(r, 200, b"again " + r.body))
    postern = postern_with(over_h2(h2))
    with postern.client() as one, postern.client() as two:
        one.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
        wait_for(lambda: held)
        two.send("POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody")
        assert one.read().body == b"first"
        assert two.read().body == b"again body"
        assert two.get("/c").status == 200
    assert len(h2.connections) == 2
    wait_for(lambda: h2.connections[0].ended)


def test_idle_connection_hears_goaway_and_fin(postern_with, h2):
    postern = postern_with(over_h2(h2))
    with postern.client() as client:
        assert client.get("/x").status == 200
        h2.connections[0].go_away(1)
        wait_for(lambda: h2.connections[0].ended)
        assert client.post("/x", b"y").status == 200
        h2.connections[1].sock.shutdown(socket.SHUT_RDWR)
        wait_for(lambda: h2.connections[1].ended)
        time.sleep(0.05)
        assert client.post("/x", b"z").status == 200
    assert len(h2.connections) == 3


def test_cancel_reaches_the_upstream_at_once(postern_with, h2):
    def begin(c, r):
        c.head(r, 200)
        c.data(r, b"first")

    h2.on("/stream", begin)
    postern = postern_with(over_h2(h2))
    with postern.client() as other:
        delays = []
        for _ in range(5):
            client = postern.client()
            client.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")
            client.wait_for(b"first")
            left = time.monotonic()
            client.reset()
            request = h2.last("/stream")
            wait_for(lambda: request.reset is not None)
            assert request.reset == CANCEL
            delays.append(request.reset_at - left)
        assert other.get("/x").status == 200
    assert sorted(delays)[2] < 0.01, delays
    assert len(h2.connections) == 1


def test_early_answer_while_the_upload_goes_on(postern_with, h2):
    def early(c, r):
        c.answer(r, 403, b"no")
        c.reset(r, 0)

    h2.on("/early", early, early=True)
    postern = postern_with(over_h2(h2))
    with postern.client() as client:
        client.send("POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n" + "x" * 1000)
        answer = client.read()
        assert answer.status == 403 and answer.body == b"no"


def test_reset_in_the_body_is_never_a_clean_end(postern_with, h2):
    for code in (0, 2, 7, 8):
        for length in ([], [("content-length", "100")]):

            def broken(c, r, code=code, length=length):
                c.head(r, 200, length)
                c.data(r, b"half")
                c.reset(r, code)

            h2.on("/broken", broken)
            postern = postern_with(over_h2(h2))
            with postern.client() as client:
                with pytest.raises(Closed):
                    client.get("/broken")
            postern.stop()


class Cutter:
    """Passes bytes between postern and the origin, and cuts the origin's after so many."""

    def __init__(self, origin: H2Origin, cut: int):
        self.origin, self.cut = origin, cut
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            up = socket.create_connection(("127.0.0.1", self.origin.port))
            threading.Thread(target=self.pass_on, args=(sock, up, None), daemon=True).start()
            threading.Thread(target=self.pass_on, args=(up, sock, self.cut), daemon=True).start()

    def pass_on(self, source, sink, left) -> None:
        try:
            while left is None or left > 0:
                data = source.recv(65536)
                if not data:
                    break
                if left is not None:
                    data = data[:left]
                    left -= len(data)
                sink.sendall(data)
        except OSError:
            pass
        for sock in (source, sink):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


@pytest.mark.parametrize("framing", ["length", "open"])
def test_killed_at_fifty_points_never_ends_cleanly(postern_with, h2, framing):
    body = b"0123456789" * 400

    def answer(c, r):
        c.head(r, 200, [("content-length", str(len(body)))] if framing == "length" else [])
        for i in range(0, len(body), 500):
            c.data(r, body[i : i + 500])
        c.h2.end_stream(r.stream)
        c.flush()

    h2.on("/body", answer)
    # Everything that the origin says for one request, to know where its end is.
    probe = Cutter(h2, 1 << 30)
    total = 0
    postern = postern_with(over_h2(probe))
    with postern.client() as client:
        assert client.get("/body").body == body
    total = len(body) + 9 * 9 + 100  # frames of data, and the heads: a little more than there is
    points = sorted({1 + total * i // 50 for i in range(50)})
    cutters = [Cutter(h2, cut) for cut in points]
    settings = over_h2(cutters[0])
    settings["upstream"] = [
        {"name": f"u{i}", "protocol": "h2", "endpoints": [c.endpoint]} for i, c in enumerate(cutters)
    ]
    settings["route"] = [
        {"name": f"r{i}", "path": f"/cut{i}/*", "forward": f"u{i}", "strip_prefix": f"/cut{i}"}
        for i in range(len(cutters))
    ]
    postern = postern_with(settings)
    clean = []
    for i, cut in enumerate(points):
        with postern.client() as client:
            try:
                answer_ = client.get(f"/cut{i}/body")
            except Closed:
                continue
            if answer_.status == 200:
                assert answer_.body == body, f"cut at {cut} looks complete"
                clean.append(cut)
            else:
                assert answer_.status == 502
                check_problem(answer_)
    # Only behind the last byte of the answer may it be whole.
    assert all(cut >= len(body) + 9 * 8 for cut in clean), clean


def test_bad_answers_are_502(postern_with, h2):
    bad = {
        "/upper": [("X-Upper", "1")],
        "/connection": [("connection", "close")],
        "/te": [("transfer-encoding", "chunked")],
        "/length": [("content-length", "1x")],
        "/value": [("x", "a\rb")],
    }
    for path, fields in bad.items():
        h2.on(path, lambda c, r, f=fields: c.head(r, 200, f, end=True))
    h2.on("/status", lambda c, r: (c.h2.send_headers(r.stream, [(":status", "999")], end_stream=True), c.flush()))
    h2.on("/huge", lambda c, r: c.head(r, 200, [(f"x-{i}", "v" * 1000) for i in range(60)], end=True))
    h2.on("/many", lambda c, r: c.head(r, 200, [(f"x-{i}", "v") for i in range(150)], end=True))
    h2.on("/short", lambda c, r: (c.head(r, 200, [("content-length", "0")]), c.data(r, b"more", end=True)))
    postern = postern_with(over_h2(h2))
    for path in [*bad, "/status", "/huge", "/many"]:
        with postern.client() as client:
            answer = client.get(path)
            assert answer.status == 502, path
            check_problem(answer)
            assert client.get("/fine").status == 200, path


def test_timeouts(postern_with, h2):
    h2.on("/silent", lambda c, r: None)

    def stalls(c, r):
        c.head(r, 200)
        c.data(r, b"part")

    h2.on("/stalls", stalls)
    postern = postern_with(over_h2(h2, route={"response_timeout": "300ms", "idle_timeout": "300ms"}))
    with postern.client() as client:
        assert client.get("/silent").status == 504
        assert client.get("/fine").status == 200
        with pytest.raises(Closed):
            client.get("/stalls")
    wait_for(lambda: h2.last("/silent").reset == CANCEL and h2.last("/stalls").reset == CANCEL)
    assert len(h2.connections) == 1


def test_a_slow_reader_stops_the_upload_and_nobody_else(postern_with, h2):
    h2.on("/slow", lambda c, r: setattr(c, "hold_windows", True), early=True)
    postern = postern_with(over_h2(h2))
    with postern.client() as slow, postern.client() as client:
        assert client.get("/fine").status == 200
        slow.send("POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n" + "x" * 60_000)
        wait_for(lambda: h2.got("/slow"))
        for _ in range(5):
            assert client.get("/fine").status == 200


def test_floods_of_the_server_end_the_connection(postern_with, h2):
    ping = b"\x00\x00\x08\x06\x00\x00\x00\x00\x00" + bytes(8)
    settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    for frames in (ping * 2000, settings * 500):
        h2.on("/flood", lambda c, r, f=frames: c.raw(f))
        postern = postern_with(over_h2(h2))
        with postern.client() as client:
            assert client.get("/flood").status == 502
            assert client.get("/fine").status == 200
        postern.stop()


def test_age_and_number_of_requests_retire_connections(postern_with, make_h2):
    counted, aged = make_h2(), make_h2()
    postern = postern_with(over_h2(counted, {"max_connection_streams": 5}))
    with postern.client() as client:
        for _ in range(20):
            assert client.get("/x").status == 200
    assert len(counted.connections) == 4 and all(c.streams == 5 for c in counted.connections)
    wait_for(lambda: all(c.ended for c in counted.connections))
    assert all(c.goaway == 0 for c in counted.connections)
    postern = postern_with(over_h2(aged, {"max_connection_age": "300ms"}))
    with postern.client() as client:
        end = time.monotonic() + 1
        while time.monotonic() < end:
            assert client.get("/x").status == 200
            time.sleep(0.02)
    assert 3 <= len(aged.connections) <= 5


def test_idle_connections_close_with_goaway(postern_with, h2):
    postern = postern_with(over_h2(h2, {"keepalive_timeout": "200ms"}))
    with postern.client() as client:
        assert client.get("/x").status == 200
        wait_for(lambda: h2.connections[0].ended)
        assert h2.connections[0].goaway == 0
        assert client.get("/x").status == 200
    assert len(h2.connections) == 2


def test_reload_retires_connections_and_their_requests_go_on(postern_with, h2):
    held = []
    h2.on("/hold", lambda c, r: held.append((c, r)))
    postern = postern_with(over_h2(h2))
    with postern.client() as busy:
        busy.send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n")
        wait_for(lambda: held)
        changed = over_h2(h2, {"h2_max_streams": 50})
        changed["listener"] = postern.settings["listener"]
        changed["admin"] = postern.settings.get("admin")
        postern.reload(changed)
        with postern.client() as client:
            assert client.get("/x").status == 200
        assert len(h2.connections) == 2
        c, r = held[0]
        c.answer(r, 200, b"late")
        assert busy.read().body == b"late"
        wait_for(lambda: h2.connections[0].ended)


def test_one_that_cannot_be_dialled_fails_all_that_wait(postern_with):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        endpoint = f"127.0.0.1:{gone.getsockname()[1]}"
    settings = simple(endpoint, upstream={"protocol": "h2"})
    postern = postern_with(settings)
    clients = [postern.client() for _ in range(20)]
    for client in clients:
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    for client in clients:
        assert client.read().status == 502
        client.close()
