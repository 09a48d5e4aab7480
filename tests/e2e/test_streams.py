"""Streams that last: events as they come, both timeouts, clients that leave, and no clean end for what was cut."""

from __future__ import annotations

import struct
import threading
import time

import pytest

from harness.client import PATIENCE, Closed, RawClient
from harness.h2_client import CANCEL, H2Client, rst_stream
from harness.scripts import HEAD

WIRES = pytest.mark.parametrize("wire", ["h1", "h2c", "tls"])
SSE = b"Content-Type: text/event-stream\r\nCache-Control: no-cache\r\nX-Accel-Buffering: no\r\n"
POINTS = 50


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


class Reader:
    """One GET, over either protocol, whose body is read as it comes: `pieces` of (time, bytes)."""

    def __init__(self, site, wire: str, path: str, headers: dict | None = None, head: bool = True):
        self.wire = wire
        fields = headers or {}
        if wire == "h1":
            self.client = site.h1("plain")
            lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
            self.client.send(f"GET {path} HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n")
            self.head = self.client.read_head() if head else None
        else:
            self.client = site.h2(wire)
            self.answer = self.client.start(path, fields=list(fields.items()))
            self.head = self.client.wait_head(self.answer) if head else None

    def wait_text(self, text: bytes) -> float:
        """When the text had arrived."""
        if self.wire == "h1":
            self.client.wait_for(text)
        else:
            self.client.read_until(lambda: text in self.answer.body or self.answer.done)
            assert text in self.answer.body, self.answer
        return time.monotonic()

    def finish(self) -> tuple[str, bytes]:
        """("clean" or how it was cut, the body so far)."""
        if self.wire == "h1":
            try:
                return "clean", self.client.read_body(self.head).body
            except Closed as end:
                return end.how, end.partial.body if end.partial else b""
        try:
            self.client.wait(self.answer)
        except Closed as end:
            return end.how, bytes(self.answer.body)
        return ("clean" if self.answer.ended else f"reset {self.answer.reset}"), bytes(self.answer.body)

    def leave(self) -> None:
        if self.wire == "h2c":
            self.client.send_raw(rst_stream(self.answer.stream, CANCEL))
        elif self.wire == "h1":
            self.client.reset()
        else:
            self.client.abort()

    def close(self) -> None:
        self.client.close()


# As they come


@WIRES
@pytest.mark.parametrize("framed", ["chunked", "close"])
def test_events_arrive_one_by_one(h2_site, wire, framed):
    """Each within milliseconds of being sent, not in batches; headers pass as they are."""
    sent = []

    def stream(conn, request):
        coding = b"Transfer-Encoding: chunked\r\n" if framed == "chunked" else b"Connection: close\r\n"
        conn.send(HEAD + SSE + coding + b"\r\n")
        for number in range(20):
            event = b"data: %03d\n\n" % number
            sent.append(time.monotonic())
            conn.send(chunk(event) if framed == "chunked" else event)
            time.sleep(0.02)
        if framed == "chunked":
            conn.send(b"0\r\n\r\n")
        else:
            conn.close()

    path = h2_site.origin.on(f"/s/events-{wire}-{framed}", stream)
    reader = Reader(h2_site, wire, path, {"accept-encoding": "gzip"})
    fields = reader.head.fields
    assert fields["content-type"] == "text/event-stream" and fields["x-accel-buffering"] == "no"
    assert "content-encoding" not in fields and "content-length" not in fields
    late = [reader.wait_text(b"data: %03d" % number) - sent[number] for number in range(20)]
    assert sorted(late)[14] < 0.01 * PATIENCE, f"events were held back: {late}"
    how, body = reader.finish()
    assert body == b"".join(b"data: %03d\n\n" % number for number in range(20)) or wire == "h1" and body.endswith(b"019\n\n")
    assert how == "clean"
    reader.close()


@WIRES
def test_the_head_does_not_wait_for_the_body(h2_site, wire):
    def stream(conn, request):
        conn.send(HEAD + SSE + b"Transfer-Encoding: chunked\r\n\r\n")
        time.sleep(0.3)
        conn.send(chunk(b"data: x\n\n") + b"0\r\n\r\n")

    path = h2_site.origin.on(f"/s/head-first-{wire}", stream)
    start = time.monotonic()
    reader = Reader(h2_site, wire, path)
    assert time.monotonic() - start < 0.2 * PATIENCE
    assert reader.finish() == ("clean", b"data: x\n\n")
    reader.close()


@WIRES
def test_incremental_request_is_not_buffered(h2_site, wire):
    """RFC 9530's cousin `Incremental: ?1`: on a route that buffers requests, the first piece goes on at once."""
    path = f"/buffered/incremental-{wire}"
    if wire == "h1":
        with h2_site.h1("plain") as client:
            client.send(f"POST {path} HTTP/1.1\r\nHost: a.test\r\nIncremental: ?1\r\nTransfer-Encoding: chunked\r\n\r\n")
            client.send(chunk(b"hello"))
            conn = h2_site.origin.connection_of(h2_site.origin.last(path))
            assert h2_site.origin.wait_for(lambda: b"hello" in bytes(conn.raw).split(path.encode())[-1], 1)
            assert client.ask(chunk(b"world") + b"0\r\n\r\n").status == 200
    else:
        with h2_site.h2(wire) as client:
            answer = client.start(path, "POST", [("incremental", "?1")], end=False)
            client.data(answer.stream, b"hello")
            conn = h2_site.origin.connection_of(h2_site.origin.last(path))
            assert h2_site.origin.wait_for(lambda: b"hello" in bytes(conn.raw).split(path.encode())[-1], 1)
            client.data(answer.stream, b"world", end=True)
            assert client.wait(answer).status == 200
    seen = h2_site.origin.last(path)
    assert seen.body == b"helloworld" and seen.fields["incremental"] == "?1"


@pytest.mark.parametrize("wire", ["h1", "h2c"])
def test_buffered_request_is_buffered(h2_site, wire):
    """The other half of that: without the header nothing goes on before the body is whole."""
    path = f"/buffered/whole-{wire}"
    if wire == "h1":
        with h2_site.h1("plain") as client:
            client.send(f"POST {path} HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n" + "5\r\nhello\r\n")
            time.sleep(0.1)
            assert not h2_site.origin.to(path)
            assert client.ask("0\r\n\r\n").status == 200
    else:
        with h2_site.h2() as client:
            answer = client.start(path, "POST", end=False)
            client.data(answer.stream, b"hello")
            time.sleep(0.1)
            assert not h2_site.origin.to(path)
            client.data(answer.stream, b"", end=True)
            assert client.wait(answer).status == 200
    assert h2_site.origin.last(path).body == b"hello"


# Timeouts


@pytest.mark.slow
@WIRES
def test_gap_and_first_byte_are_apart_and_there_is_no_total(h2_site, wire):
    """/patient allows 400 ms for each: 300 ms to the first byte, then 10 gaps of 150 ms, are fine."""

    def steady(conn, request):
        time.sleep(0.3)
        conn.send(HEAD + SSE + b"Transfer-Encoding: chunked\r\n\r\n")
        for number in range(10):
            time.sleep(0.15)
            conn.send(chunk(b"data: %d\n\n" % number))
        conn.send(b"0\r\n\r\n")

    path = h2_site.origin.on(f"/patient/steady-{wire}", steady)
    reader = Reader(h2_site, wire, path)
    how, body = reader.finish()
    assert how == "clean" and body.count(b"data:") == 10
    reader.close()


@WIRES
def test_gap_over_the_timeout_is_cut(h2_site, wire):
    def stall(conn, request):
        conn.send(HEAD + SSE + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(b"data: 0\n\n"))
        try:
            conn.receive(3)
        except TimeoutError:
            pass

    path = h2_site.origin.on(f"/patient/gap-{wire}", stall)
    start = time.monotonic()
    reader = Reader(h2_site, wire, path)
    how, body = reader.finish()
    assert how != "clean" and body == b"data: 0\n\n" and 0.3 < time.monotonic() - start < 1.5 * PATIENCE
    reader.close()


# Clients that leave


@WIRES
@pytest.mark.parametrize("kind", ["cancel", "finish"])
def test_client_that_leaves_a_stream(h2_site, wire, kind):
    """cancel: the upstream hears of it within 10 ms (best of five); finish: it comes to its end undisturbed."""
    took = []
    for attempt in range(5 if kind == "cancel" else 1):
        told, done = [], []

        def stream(conn, request):
            conn.send(HEAD + SSE + b"Transfer-Encoding: chunked\r\n\r\n")
            conn.send(chunk(b"data: first\n\n"))
            if kind == "cancel":
                try:
                    conn.receive(3)
                finally:
                    told.append(time.monotonic())
                return
            for _ in range(10):
                try:
                    conn.receive(0.03)
                    return  # cancelled after all
                except TimeoutError:
                    conn.send(chunk(b"data: x\n\n"))
            conn.send(b"0\r\n\r\n")
            done.append(conn)

        folder = "finish" if kind == "finish" else "s"
        path = h2_site.origin.on(f"/{folder}/leaves-{wire}-{kind}-{attempt}", stream)
        reader = Reader(h2_site, wire, path)
        reader.wait_text(b"data: first")
        start = time.monotonic()
        reader.leave()
        if kind == "cancel":
            assert h2_site.origin.wait_for(lambda: told, 2), "the upstream was not told"
            took.append(told[0] - start)
        else:
            assert h2_site.origin.wait_for(lambda: done, 3), "the upstream was cancelled"
        reader.close()
    assert kind == "finish" or min(took) < 0.010 * PATIENCE, took


# Cut streams


def killer(kind: str, point: int, body: bytes):
    """A script that sends `point` bytes of what belongs behind the head, and dies: by FIN or by RST, in turns."""

    def script(conn, request):
        if kind == "length":
            head, wire = b"Content-Length: %d\r\n\r\n" % len(body), body
        else:
            head = (SSE if kind == "sse" else b"") + b"Transfer-Encoding: chunked\r\n\r\n"
            wire = b"".join(chunk(body[start : start + 40]) for start in range(0, len(body), 40)) + b"0\r\n\r\n"
        cut = point * (len(wire) - 1) // (POINTS - 1)
        conn.send(HEAD + head + wire[:cut])
        if point % 2:
            time.sleep(0.003)
            conn.reset()
        else:
            conn.close()

    return script


@WIRES
@pytest.mark.parametrize("kind", ["length", "chunked", "sse"])
def test_upstream_killed_at_fifty_points(h2_site, wire, kind):
    """From right behind the head to one byte before the end: never a clean end, never a wrong byte."""
    body = b"".join(b"data: %034d\n\n" % number for number in range(60))
    clean = []
    for point in range(POINTS):
        path = h2_site.origin.on(f"/s/killed-{wire}-{kind}-{point}", killer(kind, point, body))
        reader = Reader(h2_site, wire, path, head=wire != "h1")
        if wire == "h1":
            try:
                reader.head = reader.client.read_head()
            except Closed:
                reader.close()
                continue
        if reader.head.status == 200:
            how, got = reader.finish()
            assert body.startswith(got), f"point {point}: wrong bytes"
            if how == "clean":
                clean.append(point)
        else:  # cut before the head was passed on
            assert reader.head.status == 502 or wire != "h1" and reader.answer.reset is not None, reader.head
        reader.close()
    assert not clean, f"cut at {clean} of {POINTS}, and ended cleanly"


def test_whole_streams_end_cleanly(h2_site):
    """What the test above must not be blind to."""
    body = b"data: x\n\n" * 100

    def script(conn, request):
        conn.send(HEAD + SSE + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(body) + b"0\r\n\r\n")

    path = h2_site.origin.on("/s/whole", script)
    for wire in ("h1", "h2c", "tls"):
        reader = Reader(h2_site, wire, path)
        assert reader.finish() == ("clean", body)
        reader.close()


class CutGrpcServer:
    """The frames of a gRPC answer by hand, cut after `point` fiftieths: HTTP/2, one connection for each call."""

    def __init__(self):
        import socket

        from hpack import Encoder

        self.socket = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.point = 0
        encoder = Encoder()
        from harness.h2_client import DATA, END_HEADERS, END_STREAM, HEADERS, make_frame

        head = encoder.encode([(":status", "200"), ("content-type", "application/grpc")])
        self.messages = b"".join(struct.pack(">BI", 0, 30) + b"%030d" % number for number in range(30))
        self.head = make_frame(HEADERS, END_HEADERS, 1, head)
        self.wire = b"".join(
            make_frame(DATA, 0, 1, self.messages[start : start + 50]) for start in range(0, len(self.messages), 50)
        )
        self.end = make_frame(HEADERS, END_HEADERS | END_STREAM, 1, encoder.encode([("grpc-status", "0")]))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        from harness.h2_client import ACK, HEADERS, PREFACE, SETTINGS, make_frame

        while True:
            try:
                conn, _ = self.socket.accept()
            except OSError:
                return
            try:
                conn.settimeout(3)
                data = b""
                conn.sendall(make_frame(SETTINGS) + make_frame(SETTINGS, ACK))
                while not (data.startswith(PREFACE) and self._has(data[len(PREFACE) :], HEADERS)):
                    more = conn.recv(65536)
                    if not more:
                        break
                    data += more
                else:
                    all_of_it = self.wire + self.end
                    cut = len(all_of_it) if self.point == POINTS else self.point * (len(all_of_it) - 1) // (POINTS - 1)
                    conn.sendall(self.head + all_of_it[:cut])
                    time.sleep(0.01)
                if self.point % 2:
                    conn.setsockopt(1, 13, struct.pack("ii", 1, 0))
            except OSError:
                pass
            conn.close()

    @staticmethod
    def _has(data: bytes, kind: int) -> bool:
        while len(data) >= 9:
            if data[3] == kind:
                return True
            data = data[9 + int.from_bytes(data[:3], "big") :]
        return False

    def close(self) -> None:
        self.socket.close()


@pytest.mark.parametrize("wire", ["h1", "h2c"])
def test_grpc_upstream_killed_at_fifty_points(postern_with, wire):
    server = CutGrpcServer()
    postern = postern_with(
        listener=[{"name": "main", "h2c": True}],
        upstream=[{"name": "up", "endpoints": [server.endpoint], "protocol": "h2"}],
        route=[{"name": "all", "path": "/*", "forward": "up", "retry": {"when": "never"}}],
    )
    fine, clean = 0, []
    for point in range(POINTS + 1):
        server.point = point
        if wire == "h1":
            with RawClient(postern.address()) as client:
                head = "POST /x.Y/Z HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/grpc\r\nTE: trailers\r\n"
                client.send(head + "Content-Length: 5\r\n\r\n\0\0\0\0\0")
                try:
                    answer = client.read()
                    body, ended, status = answer.body, True, answer.trailers.get("grpc-status")
                    status = status or answer.fields.get("grpc-status")
                except Closed as end:
                    body, ended, status = (end.partial.body if end.partial else b""), False, None
        else:
            with H2Client(postern.address()) as client:
                fields = [("content-type", "application/grpc"), ("te", "trailers")]
                answer = client.post("/x.Y/Z", b"\0" * 5, fields=fields, length=False)
                body, ended = bytes(answer.body), answer.ended
                status = answer.trailers.get("grpc-status") or answer.fields.get("grpc-status")
        assert server.messages.startswith(body), f"point {point}: wrong bytes"
        if point == POINTS:
            fine += ended and status == "0" and body == server.messages
        elif status == "0" or (ended and body and status is None):
            clean.append(point)
    assert fine == 1, f"the whole stream did not arrive ({ended}, {status}, {len(body)} bytes)"
    assert not clean, f"cut at {clean} of {POINTS}, and ended with OK or without a status"
    server.close()
