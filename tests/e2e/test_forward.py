"""Forwarding a request and its answer: keep-alive, bodies both ways, trailers, timeouts. (Upstreams: test_upstream.py)"""
from __future__ import annotations

import hashlib
import re
import socket
import threading
import time

import pytest

from harness.client import Closed

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
    wire = {"length": b"Content-Length: %d\r\n\r\n%s" % (len(body), body),
            "chunked": b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(
                b"%x;ext=1\r\n%s\r\n" % (len(body[at:at + 1000]), body[at:at + 1000]) for at in range(0, len(body), 1000))
            + b"0\r\n\r\n", "close": b"\r\n" + body}[framed]

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
    site.origin.on("/s/trailers", lambda conn, request: conn.send(
        HEAD + b"Trailer: X-Checksum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Checksum: down\r\nX-Other: o\r\n"
               b"Set-Cookie: a=1\r\n\r\n"))
    with site.client() as client:
        answer = client.ask("POST /s/trailers HTTP/1.1\r\nHost: a.test\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "2\r\nhi\r\n0\r\nX-Checksum: up\r\nX-Other: o\r\n\r\n")
        assert answer.body == b"ok" and answer.trailers.names() == ["x-checksum"] and answer.trailers["x-checksum"] == "down"
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


def test_via_and_forwarded_fields(site):
    with site.client() as client:
        client.get("/c/fields", host="a.test:8080")
    seen = site.origin.last("/c/fields")
    assert seen.fields["host"] == "a.test:8080"
    assert seen.fields["x-forwarded-for"] == "127.0.0.1"
    assert seen.fields["x-forwarded-proto"] == "http"
    assert seen.fields["x-forwarded-host"] == "a.test:8080"
    if "via" in seen.fields:
        assert re.fullmatch(r"1\.1 [\w.\-]+", seen.fields["via"])


def test_server_field_is_off(site):
    with site.client() as client:
        assert "server" not in client.get("/local").fields and "server" not in client.get("/nowhere").fields


def test_client_request_id(site):
    """Every request has an id that the origin and the client both see; an untrusted client does not choose it."""
    with site.client() as client:
        answer = client.get("/nowhere", headers="X-Request-Id: forged\r\n")
        assert answer.fields["x-request-id"] != "forged"


@pytest.mark.parametrize("source", ["Forwarded: for=203.0.113.9;proto=https", "X-Forwarded-For: 203.0.113.9"])
def test_untrusted_peer_is_not_believed(site, source):
    path = f"/c/untrusted-{source[0]}"
    with site.client() as client:
        client.get(path, headers=f"{source}\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\n")
    seen = site.origin.last(path)
    assert b"203.0.113.9" not in seen.head and seen.fields["x-forwarded-proto"] == "http" and b"evil" not in seen.head


def test_trusted_peer_is_believed_from_the_right(site):
    """Ours is appended; what the client of the trusted proxy wrote stays to the left."""
    with site.client("trusting") as client:
        client.get("/c/trusted", headers="X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\nX-Forwarded-Proto: https\r\n")
    seen = site.origin.last("/c/trusted")
    assert [one.strip() for one in seen.fields["x-forwarded-for"].split(",")][-2:] == ["203.0.113.9", "127.0.0.1"]
    assert seen.fields["x-forwarded-proto"] == "https"


V2 = b"\r\n\r\n\0\r\nQUIT\n"
GET = b"GET %s HTTP/1.1\r\nHost: a.test\r\n\r\n"
GOOD_PROXY = {
    "v1": (b"PROXY TCP4 203.0.113.7 198.51.100.1 4321 80\r\n", "203.0.113.7"),
    "v1-6": (b"PROXY TCP6 2001:db8::7 2001:db8::1 4321 80\r\n", "2001:db8::7"),
    "v1-unknown": (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    "v2": (V2 + b"\x21\x11\0\x0c" + bytes([203, 0, 113, 7, 198, 51, 100, 1]) + b"\x10\xe1\0P", "203.0.113.7"),
    "v2-6": (V2 + b"\x21\x21\0\x24" + socket.inet_pton(socket.AF_INET6, "2001:db8::7") * 2 + b"\x10\xe1\0P", "2001:db8::7"),
    "v2-tlv": (V2 + b"\x21\x11\0\x11" + bytes([203, 0, 113, 7, 198, 51, 100, 1]) + b"\x10\xe1\0P\x04\0\x02hi", "203.0.113.7"),
    "v2-local": (V2 + b"\x20\0\0\0", "127.0.0.1"),
}


@pytest.mark.parametrize("name", GOOD_PROXY)
@pytest.mark.parametrize("split", [False, True], ids=["whole", "bytewise"])
def test_proxy_protocol(site, name, split):
    header, address = GOOD_PROXY[name]
    path = f"/c/proxy-{name}-{split}"
    with site.client("proxied") as client:
        data = header + GET % path.encode()
        for piece in ([data[at:at + 1] for at in range(len(data))] if split else [data]):
            client.send(piece)
        assert client.read().status == 200
        assert client.get(path + "-2").status == 200
    for target in (path, path + "-2"):
        assert site.origin.last(target).fields["x-forwarded-for"].strip("[]") == address


@pytest.mark.parametrize("header", [
    b"", b"PROXY TCP4 300.0.113.7 198.51.100.1 4321 80\r\n", b"PROXY TCP4 203.0.113.7\r\n", b"PROXY TCP9 a b 1 2\r\n",
    b"PROXY TCP4 203.0.113.7 198.51.100.1 4321 80\n", b"PROXY TCP4 203.0.113.7 198.51.100.1 99999 80\r\n",
    b"proxy TCP4 203.0.113.7 198.51.100.1 4321 80\r\n", b"PROXY " + b"x" * 200 + b"\r\n", b"PROXY TCP4 203.0.113.7 2001:db8::1 1 2\r\n",
    V2 + b"\x31\x11\0\x0c" + bytes(12), V2 + b"\x21\x11\0\x04" + bytes(4), V2[:8] + b"XXXX" + bytes(20)])
def test_broken_proxy_protocol_is_closed(site, header):
    with site.client("proxied") as client:
        client.send(header + GET % b"/c/proxy-bad")
        try:
            assert client.read().status == 400
        except Closed:
            pass
        client.buffer.clear()
        client.how_it_ends()
    site.settle()
    assert not site.origin.to("/c/proxy-bad")


def test_proxy_protocol_from_an_undeclared_address(site):
    """There it is not a header but a bad request."""
    with site.client("proxied-elsewhere") as client:
        client.send(GOOD_PROXY["v1"][0] + GET % b"/c/proxy-undeclared")
        try:
            assert client.read().status == 400
        except Closed:
            pass
    site.settle()
    assert not site.origin.to("/c/proxy-undeclared")


def test_proxy_protocol_address_is_not_trusted_further(site):
    """The address of the header counts for trust, not the load balancer's."""
    with site.client("proxied") as client:
        client.send(GOOD_PROXY["v1"][0])
        client.get("/c/proxy-forged", headers="X-Forwarded-For: 6.6.6.6\r\n")
    assert site.origin.last("/c/proxy-forged").fields["x-forwarded-for"] == "203.0.113.7"


@pytest.mark.heavy
@pytest.mark.parametrize("framed", ["length", "chunked"])
def test_20_mb_up_and_down(site, framed):
    """Large bodies are the same bytes on the other side, and postern does not hold them."""
    block = bytes(range(256)) * 256
    count = 20 * MIB // len(block)
    seen = {}

    def mirror(conn, request):
        seen["digest"] = hashlib.sha256(request.body).hexdigest()
        conn.send(HEAD + (b"Content-Length: %d\r\n\r\n" % len(request.body) if framed == "length"
                          else b"Transfer-Encoding: chunked\r\n\r\n"))
        for at in range(0, len(request.body), len(block)):
            piece = request.body[at:at + len(block)]
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
    assert site.postern.rss_kib() - before < 16_000


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
        time.sleep(0.5)
        stuck = len(sent)
        time.sleep(0.3)
        assert len(sent) - stuck < 4 and len(sent) * 65536 < 32 * MIB, "the origin was not held back"
        assert site.postern.rss_kib() - before < 8_000
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
        assert grown < 8_000, f"{grown} KiB held"
        client.send(b"x" * (24 * MIB - sent))
        assert client.read().status == 200
