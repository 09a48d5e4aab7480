"""Forwarding a request and its answer: keep-alive, pipelining, bodies both ways, trailers, backpressure."""

from __future__ import annotations

import hashlib
import socket
import threading
import time

import pytest

from harness.client import SANITIZED, Closed

HEAD = b"HTTP/1.1 200 OK\r\nX-Origin: 1\r\n"
MIB = 1 << 20


def test_keep_alive_on_both_sides(site):
    """Many requests on one client connection use one upstream connection."""
    with site.client() as client:
        for number in range(20):
            assert client.get(f"/c/keep-{number}").body == b"ok"
    used = {id(site.origin.connection_of(site.origin.last(f"/c/keep-{number}"))) for number in range(20)}
    assert len(used) == 1


def test_pipelining(site):
    with site.client() as client:
        client.send("".join(f"GET /c/pipe-{number} HTTP/1.1\r\nHost: a.test\r\n\r\n" for number in range(50)))
        for _ in range(50):
            assert client.read().body == b"ok"
    assert len([one for one in site.origin.requests if one.target.startswith("/c/pipe-")]) == 50


def test_pipelined_head_and_get_stay_in_step(site):
    with site.client() as client:
        client.send("HEAD /c/step-1 HTTP/1.1\r\nHost: a.test\r\n\r\nGET /c/step-2 HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert client.read(head=True).fields["content-length"] == "2"
        assert client.read().body == b"ok"


@pytest.mark.parametrize("framed", ["length", "chunked", "close"])
def test_answer_bodies(site, framed):
    body = bytes(range(256)) * 40
    wire = {
        "length": b"Content-Length: %d\r\n\r\n%s" % (len(body), body),
        "chunked": b"Transfer-Encoding: chunked\r\n\r\n"
        + b"".join(
            b"%x;ext=1\r\n%s\r\n" % (len(body[at : at + 1000]), body[at : at + 1000])
            for at in range(0, len(body), 1000)
        )
        + b"0\r\n\r\n",
        "close": b"\r\n" + body,
    }[framed]

    def script(conn, request):
        conn.send(HEAD + wire)
        if framed == "close":
            conn.close()

    site.origin.on(f"/s/body-{framed}", script)
    with site.client() as client:
        answer = client.get(f"/s/body-{framed}")
        assert answer.body == body and answer.chunk_extensions == 0
        if not answer.says_close and answer.framing != "close":
            assert client.get("/local").status == 200
    with site.client() as client:
        answer = client.ask(f"GET /s/body-{framed} HTTP/1.0\r\nHost: a.test\r\n\r\n")
        assert answer.body == body and answer.framing in ("length", "close")
        assert client.how_it_ends() == "fin"


def test_http10_origin(site):
    """An HTTP/1.0 answer is understood, and the client gets HTTP/1.1."""

    def script(conn, request):
        conn.send(b"HTTP/1.0 200 OK\r\nX-Origin: 1\r\n\r\nold")
        conn.close()

    site.origin.on("/s/http10", script)
    with site.client() as client:
        answer = client.get("/s/http10")
        assert answer.minor == 1 and answer.body == b"old"


def test_chunked_upload_is_forwarded_piece_by_piece(site):
    with site.client() as client:
        client.send("POST /c/pieces HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in ("one", "two", "three"):
            client.send(f"{len(piece):x}\r\n{piece}\r\n")
            conn = site.origin.connection_of(site.origin.last("/c/pieces"))
            assert site.origin.wait_for(lambda: piece.encode() in bytes(conn.raw).split(b"/c/pieces")[-1])
        assert client.ask("0\r\n\r\n").status == 200
    assert site.origin.last("/c/pieces").body == b"onetwothree"


def test_trailers_pass_by_allow_list_both_ways(site):
    site.origin.on(
        "/s/trailers",
        lambda conn, request: conn.send(
            HEAD + b"Trailer: X-Checksum\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\nok\r\n0\r\nX-Checksum: down\r\nX-Other: o\r\n"
            b"Set-Cookie: a=1\r\n\r\n"
        ),
    )
    with site.client() as client:
        answer = client.ask(
            "POST /s/trailers HTTP/1.1\r\nHost: a.test\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n"
            "2\r\nhi\r\n0\r\nX-Checksum: up\r\nX-Other: o\r\n\r\n"
        )
        assert (
            answer.body == b"ok"
            and answer.trailers.names() == ["x-checksum"]
            and answer.trailers["x-checksum"] == "down"
        )
        assert client.get("/local").status == 200
    seen = site.origin.last("/s/trailers")
    assert seen.trailers.names() == ["x-checksum"] and seen.trailers["x-checksum"] == "up" and seen.body == b"hi"
    assert "x-checksum" not in seen.fields and "x-checksum" not in answer.fields


def test_request_that_origin_answers_early_and_completes(site):
    """The origin answers at once, reads the body all the same: both connections stay in step."""

    def early(conn, request):
        conn.answer(body=b"early")
        conn.read_body(request)

    site.origin.on("/s/early", early, early=True)
    with site.client() as client:
        client.send("POST /s/early HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nhello")
        assert client.read().body == b"early"
        try:
            client.send("world")
            assert client.get("/local").body == b"local"
        except (Closed, OSError):
            pass  # closing is allowed, mixing up is not


@pytest.mark.heavy
@pytest.mark.parametrize("framed", ["length", "chunked"])
def test_20_mb_up_and_down(site, framed):
    """Large bodies are the same bytes on the other side, and postern does not hold them."""
    block = bytes(range(256)) * 256
    count = 20 * MIB // len(block)
    seen = {}

    def mirror(conn, request):
        seen["digest"] = hashlib.sha256(request.body).hexdigest()
        conn.send(
            HEAD
            + (
                b"Content-Length: %d\r\n\r\n" % len(request.body)
                if framed == "length"
                else b"Transfer-Encoding: chunked\r\n\r\n"
            )
        )
        for at in range(0, len(request.body), len(block)):
            piece = request.body[at : at + len(block)]
            conn.send(piece if framed == "length" else b"%x\r\n%s\r\n" % (len(piece), piece))
        if framed == "chunked":
            conn.send(b"0\r\n\r\n")

    path = site.origin.on(f"/s/large-{framed}", mirror)
    before = site.postern.rss_kib()
    with site.client(timeout=30) as client:
        if framed == "length":
            client.send(f"POST {path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: {count * len(block)}\r\n\r\n")
        else:
            client.send(f"POST {path} HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(count):
            client.send(block if framed == "length" else b"%x\r\n%s\r\n" % (len(block), block))
        if framed == "chunked":
            client.send("0\r\n\r\n")
        answer = client.read()
    expected = hashlib.sha256(block * count).hexdigest()
    assert seen["digest"] == expected and hashlib.sha256(answer.body).hexdigest() == expected
    assert SANITIZED or site.postern.rss_kib() - before < 16_000


@pytest.mark.heavy
def test_slow_reader_holds_the_origin_back(site):
    """A client that does not read: the origin is stopped by backpressure, not by memory."""
    sent = []

    def flood(conn, request):
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        conn.send(HEAD + b"Content-Length: %d\r\n\r\n" % (64 * MIB))
        try:
            for _ in range(64 * 16):
                conn.send(b"x" * 65536)
                sent.append(65536)
        except OSError:
            pass

    site.origin.on("/s/flood", flood)
    before = site.postern.rss_kib()
    with site.client(receive_buffer=32768) as client:
        client.send("GET /s/flood HTTP/1.1\r\nHost: a.test\r\n\r\n")
        stuck = -1
        for _ in range(40):  # buffers of the kernel on the way fill up first, in steps
            if stuck == len(sent):
                break
            stuck = len(sent)
            time.sleep(0.3)
        assert stuck == len(sent) and len(sent) * 65536 < 48 * MIB, "the origin was not held back"
        assert SANITIZED or site.postern.rss_kib() - before < 8_000
        client.reset()


@pytest.mark.heavy
def test_slow_origin_holds_the_client_back(site):
    gate = threading.Event()

    def sleepy(conn, request):
        gate.wait(10)
        conn.read_body(request, keep=False)
        conn.answer()

    site.origin.on("/s/sleepy", sleepy, early=True)
    before = site.postern.rss_kib()
    with site.client(timeout=30) as client:
        client.send(f"POST /s/sleepy HTTP/1.1\r\nHost: a.test\r\nContent-Length: {24 * MIB}\r\n\r\n")
        client.sock.settimeout(0.5)
        sent = 0
        try:
            while sent < 24 * MIB:
                sent += client.sock.send(b"x" * 65536)
        except TimeoutError:
            pass
        grown = site.postern.rss_kib() - before
        gate.set()
        assert sent < 24 * MIB, "the whole body was taken while the origin read nothing"
        assert SANITIZED or grown < 8_000, f"{grown} KiB held"
        client.send(b"x" * (24 * MIB - sent))
        assert client.read().status == 200
