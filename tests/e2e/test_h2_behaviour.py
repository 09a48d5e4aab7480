"""Catalogue 2.4 and the rows of 2.3 that HTTP/2 shares, as far as they need more than one request's bytes."""

from __future__ import annotations

import os
import ssl
import threading
import time

import pytest

from harness.certs import client_context
from harness.client import PATIENCE, SANITIZED, Closed, RawClient
from harness.h2_client import (
    CANCEL,
    INITIAL_WINDOW,
    INTERNAL_ERROR,
    MAX_STREAMS,
    NO_ERROR,
    PREFACE,
    REFUSED_STREAM,
    H2Client,
    get_fields,
    make_frame,
    rst_stream,
    settings_frame,
    window_update,
)
from harness.scripts import HEAD, raw
from test_h2_semantics import check_problem

BOTH = pytest.mark.parametrize("listener", ["h2c", "tls"])


def long_answer(conn, request):
    """Says something and then nothing, until the peer leaves."""
    conn.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    conn.receive(5)


# The connection's beginning


@BOTH
def test_settings_come_first(h2_site, listener):
    with h2_site.h2(listener) as client:
        client.get("/local")
        assert client.seen[0] == "Settings" and client.settings_acked == 1
        assert client.peer[MAX_STREAMS] == 100 and client.peer[INITIAL_WINDOW] == 262144


@pytest.mark.parametrize(
    "offer, chosen",
    [(["h2"], "h2"), (["http/1.1"], "http/1.1"), (["http/1.1", "h2"], "h2"), (["h2", "http/1.1"], "h2"), (None, None)],
)
def test_alpn(h2_site, authority, offer, chosen):
    """The listener's order counts; without ALPN it is HTTP/1.1."""
    context = client_context(authority, alpn=offer)
    with RawClient(h2_site.postern.address("tls"), tls=context, server_name="a.test") as client:
        assert client.sock.selected_alpn_protocol() == chosen
        if chosen != "h2":
            assert client.get("/local").body == b"local"
    if chosen == "h2":
        with h2_site.h2("tls", tls=context) as client:
            assert client.get("/local").body == b"local"


def test_alpn_without_h2(h2_site, authority):
    context = client_context(authority, alpn=["h2", "http/1.1"])
    with RawClient(h2_site.postern.address("tls-h1"), tls=context, server_name="a.test") as client:
        assert client.sock.selected_alpn_protocol() == "http/1.1"
        assert client.get("/local").body == b"local"


def test_alpn_without_a_common_protocol_is_refused(h2_site, authority):
    """RFC 7301 3.2: no_application_protocol, where something was offered."""
    context = client_context(authority, alpn=["h3", "spdy/3"])
    with pytest.raises((ssl.SSLError, ConnectionError)):
        RawClient(h2_site.postern.address("tls"), tls=context, server_name="a.test")


def test_h2c_only_where_it_is_allowed(h2_site):
    """The preface on a listener without h2c is a bad HTTP/1 request."""
    with h2_site.h1("plain") as client:
        client.send(PREFACE + settings_frame({}))
        try:
            answer = client.read()
            assert answer.status in (400, 505) and answer.says_close
        except Closed:
            pass
    with h2_site.h1("h2c") as client:
        assert client.get("/local").body == b"local"


def test_h2c_upgrade_is_stripped(h2_site):
    """I5: never a 101, on any listener, and nothing of it goes upstream."""
    for listener in ("h2c", "plain"):
        with h2_site.h1(listener) as client:
            answer = client.get(
                "/c/h2c-upgrade",
                headers="Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
            )
            assert answer.status == 200
        seen = h2_site.origin.last("/c/h2c-upgrade")
        assert not {"upgrade", "http2-settings"} & set(seen.fields.names()), seen.head


def test_preface_byte_by_byte(h2_site):
    with h2_site.h2(preface=False) as client:
        for byte in PREFACE + settings_frame({}):
            client.send_raw(bytes([byte]))
            time.sleep(0.001)
        assert client.get("/local").body == b"local"


def test_preface_that_goes_wrong(h2_site):
    with h2_site.h1("h2c") as client:
        client.send("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")
        try:
            assert client.read().status in (400, 505)
        except (Closed, Exception):
            pass
    with h2_site.h2() as client:
        assert client.get("/local").status == 200


# Bodies and answers


@BOTH
@pytest.mark.parametrize("sized", [True, False], ids=["length", "chunked"])
def test_a_mebibyte_up_and_down(h2_site, listener, sized):
    body = os.urandom(1 << 20)
    path = h2_site.origin.on(f"/s/mirror-{sized}", lambda conn, request: conn.answer(body=request.body))
    with h2_site.h2(listener) as client:
        answer = client.post(path, body, length=sized)
        assert answer.status == 200 and bytes(answer.body) == body
        assert h2_site.origin.last(path).framing == ("length" if sized else "chunked")


@BOTH
def test_many_streams_at_once_stay_apart(h2_site, listener):
    """100 uploads with interleaved DATA, each mirrored: every byte on its own stream."""
    path = h2_site.origin.on("/s/apart", lambda conn, request: conn.answer(body=request.body))
    bodies = [os.urandom(3000 + 97 * number) for number in range(100)]
    with h2_site.h2(listener, timeout=15) as client:
        answers = [client.start(f"{path}/{number}", "POST", end=False) for number in range(100)]
        left = [memoryview(one) for one in bodies]
        while any(left):
            for answer, number in zip(answers, range(100)):
                if not left[number]:
                    continue
                part, left[number] = left[number][:1500], left[number][1500:]
                client.read_until(lambda: client.send_window >= len(part))
                client.data(answer.stream, bytes(part), end=not left[number])
        for answer, body in zip(answers, bodies):
            client.wait(answer)
            assert answer.status == 200 and bytes(answer.body) == body


def test_window_of_one_byte(h2_site):
    """Answers of a client that gives one byte at a time are whole."""
    with h2_site.h2(settings={INITIAL_WINDOW: 1}) as client:
        answer = client.get("/c/one-byte")
        assert answer.status == 200 and bytes(answer.body) == b"ok"
        assert all(len(part) <= 1 for _, part in answer.pieces)


def test_window_grown_by_settings(h2_site):
    """A window of 0 stops the body, not the head; SETTINGS opens it for streams that exist."""
    with h2_site.h2(settings={INITIAL_WINDOW: 0}, credit=False) as client:
        answer = client.start("/big")
        client.wait_head(answer)
        client.ping()
        assert answer.status == 200 and not answer.received
        client.send_raw(window_update(0, 100_000) + settings_frame({INITIAL_WINDOW: 30_000}))
        client.read_until(lambda: answer.received == 30_000)
        client.send_raw(window_update(answer.stream, 30_000))
        client.wait(answer)
        assert answer.received == 60_000


def test_window_that_shrinks_below_zero(h2_site):
    with h2_site.h2(settings={INITIAL_WINDOW: 20_000}, credit=False) as client:
        answer = client.start("/big")
        client.read_until(lambda: answer.received == 20_000)
        client.send_raw(settings_frame({INITIAL_WINDOW: 5_000}) + window_update(answer.stream, 15_000))
        client.ping()
        assert answer.received == 20_000
        client.send_raw(window_update(answer.stream, 40_000) + window_update(0, 100_000))
        client.wait(answer)
        assert answer.received == 60_000


def test_head_and_bodiless_statuses(h2_site):
    h2_site.origin.on("/s/status", lambda conn, request: conn.answer(int(request.target.rsplit("/")[-1])))
    with h2_site.h2() as client:
        answer = client.get("/c/head", "HEAD")
        assert answer.status == 200 and answer.ended and answer.fields["content-length"] == "2"
        assert [kind for kind, _ in answer.frames] == ["headers"], answer.frames
        for status in (204, 304):
            answer = client.get(f"/s/status/{status}")
            assert answer.status == status and answer.ended and not answer.received
            assert [kind for kind, _ in answer.frames] == ["headers"], answer.frames
        assert client.get("/local", "HEAD").received == 0


def test_response_hop_by_hop_fields_stay_behind(h2_site):
    h2_site.origin.on(
        "/s/h2-hop",
        raw(
            HEAD + b"Connection: X-Private, keep-alive\r\nX-Private: 1\r\nKeep-Alive: timeout=9\r\nUpgrade: h2c\r\n"
            b"Proxy-Authenticate: Basic\r\nX-Kept: K\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
        ),
    )
    with h2_site.h2() as client:
        answer = client.get("/s/h2-hop")
        for name in ("connection", "x-private", "keep-alive", "upgrade", "proxy-authenticate", "transfer-encoding"):
            assert name not in answer.fields, answer.fields
        assert answer.fields["x-kept"] == "K" and bytes(answer.body) == b"ok"


def test_repeated_response_fields_stay_apart_and_in_order(h2_site):
    h2_site.origin.on(
        "/s/h2-i19",
        raw(HEAD + b"Set-Cookie: a=1\r\nX-M: 1\r\nSet-Cookie: b=2\r\nX-M: 2\r\nContent-Length: 2\r\n\r\nok"),
    )
    with h2_site.h2() as client:
        answer = client.get("/s/h2-i19")
        assert answer.fields.all("set-cookie") == ["a=1", "b=2"] and answer.fields.all("x-m") == ["1", "2"]


def test_trailers_pass_where_the_route_names_them(h2_site):
    h2_site.origin.on(
        "/s/h2-trailers",
        raw(
            HEAD + b"Trailer: X-Checksum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
            b"X-Checksum: 7\r\nX-Other: 1\r\n\r\n"
        ),
    )
    with h2_site.h2() as client:
        answer = client.start("/s/h2-trailers", "POST", end=False)
        client.data(answer.stream, b"hello")
        client.trailers(answer.stream, [("x-checksum", "5"), ("x-other", "1")])
        client.wait(answer)
        assert answer.trailers.pairs == [("x-checksum", "7")] and bytes(answer.body) == b"ok"
    seen = h2_site.origin.last("/s/h2-trailers")
    assert seen.body == b"hello" and [(one.lower(), two) for one, two in seen.trailers.pairs] == [("x-checksum", "5")]


def test_103_is_relayed_and_100_on_demand(h2_site):
    def hint(conn, request):
        conn.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        time.sleep(0.2)
        conn.answer()

    h2_site.origin.on("/s/h2-103", hint)
    with h2_site.h2() as client:
        start = time.monotonic()
        answer = client.start("/s/h2-103")
        client.read_until(lambda: answer.interims)
        assert time.monotonic() - start < 0.15 * PATIENCE and answer.interims[0].fields["link"] == "</a>"
        client.wait(answer)
        assert answer.status == 200 and [one.status for one in answer.interims] == [103]
        answer = client.start("/c/h2-100", "POST", [("expect", "100-continue"), ("content-length", "5")], end=False)
        client.read_until(lambda: answer.interims or answer.done)
        assert [one.status for one in answer.interims] == [100]
        client.send_body(answer.stream, b"hello")
        assert client.wait(answer).status == 200
    assert h2_site.origin.last("/c/h2-100").body == b"hello"


def test_no_100_for_what_is_refused_anyway(h2_site):
    with h2_site.h2() as client:
        for path, status in (("/nowhere", 404), ("/limited/h2-i9", 413)):
            answer = client.start(path, "POST", [("expect", "100-continue"), ("content-length", "5000")], end=False)
            client.wait(answer)
            assert answer.status == status and not answer.interims
            check_problem(answer)
        assert client.get("/local").status == 200


def test_unasked_100_and_a_101_from_upstream(h2_site):
    h2_site.origin.on("/s/h2-100", raw(b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\nok"))
    h2_site.origin.on("/s/h2-101", raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nSECRET"))
    with h2_site.h2() as client:
        answer = client.get("/s/h2-100")
        assert bytes(answer.body) == b"ok" and not answer.interims
        answer = client.get("/s/h2-101")
        assert answer.status == 502 and b"SECRET" not in answer.body
        check_problem(answer)


@BOTH
def test_early_answer_while_uploading(h2_site, listener):
    """I15: a 413 from the origin comes at once, whole; then the rest of the upload is not wanted, others go on."""

    def refuse(conn, request):
        conn.answer(413, b"too much", "Connection: close\r\n")
        conn.close()

    path = h2_site.origin.on(f"/s/h2-i15-{listener}", refuse, early=True)
    with h2_site.h2(listener) as client:
        answer = client.start(path, "POST", [("content-length", "100000000")], end=False)
        client.data(answer.stream, b"x" * 10_000)
        client.wait(answer)
        assert (answer.status, bytes(answer.body), answer.ended) == (413, b"too much", True)
        client.listen(0.2)
        assert answer.reset in (None, NO_ERROR), answer.reset
        for _ in range(20):  # a client that has not seen it yet goes on sending what its window allows
            client.data(answer.stream, b"x" * 10_000)
        client.ping()
        assert client.get("/local").status == 200, "the connection is stuck"
        assert client.post("/c/h2-i15", b"y" * 200_000).status == 200, "the connection's window was not given back"


@BOTH
def test_early_answer_without_a_body(h2_site, listener):
    """A 204, or the answer to HEAD, while the request's body is still coming: HEADERS, then the reset."""
    def gone(conn, request):
        conn.answer(204, headers="Connection: close\r\n")
        conn.close()

    path = h2_site.origin.on(f"/s/h2-early-204-{listener}", gone, early=True)
    with h2_site.h2(listener) as client:
        for method, target, status in (("POST", path, 204), ("HEAD", "/local", 200), ("HEAD", "/nowhere", 404)) * 5:
            answer = client.start(target, method, end=False)
            client.wait(answer)
            assert (answer.status, answer.ended) == (status, True), answer


def test_body_over_the_limit_is_413(h2_site):
    with h2_site.h2() as client:
        answer = client.post("/limited/h2-length", b"x" * 5000)
        assert answer.status == 413
        check_problem(answer)
        answer = client.start("/limited/h2-chunked", "POST", end=False)
        client.data(answer.stream, b"x" * 1000)
        client.data(answer.stream, b"x" * 1000)
        client.wait(answer)
        assert answer.status == 413 or answer.reset is not None
        assert client.get("/local").status == 200
    h2_site.settle()
    assert not [one for one in h2_site.origin.requests if one.target.startswith("/limited/h2") and one.complete]


@pytest.mark.parametrize("end", [True, False], ids=["whole", "open"])
def test_limit_counts_data_that_comes_with_the_head(h2_site, end):
    """HEADERS and DATA in one segment: they are here before the route, and its limit, are known."""
    path = f"/limited/h2-at-once-{end}"
    with h2_site.h2() as client:
        answer = client.open(get_fields(path, method="POST"), end=False, send=False)
        client.send_raw(
            client.head_frames(answer.stream, client.encode(get_fields(path, method="POST")), False)
            + make_frame(0, 0, answer.stream, b"x" * 1000)
            + make_frame(0, 1 if end else 0, answer.stream, b"x" * 1000)
        )
        client.wait(answer, 2)
        assert answer.status == 413 or answer.reset is not None
        assert client.get("/local").status == 200
    h2_site.settle()
    assert not [one for one in h2_site.origin.to(path) if one.complete]


# Limits


def test_large_headers_are_431(h2_site):
    with h2_site.h2() as client:
        many = [(f"x-{number}", "y" * 300) for number in range(200)]
        for fields in (many, [(f"x-{number}", "1") for number in range(150)], [("x-big", "z" * 40_000)]):
            answer = client.get("/c/h2-431", fields=fields)
            assert answer.status == 431
            check_problem(answer)
        assert client.get("/local").status == 200
    h2_site.settle()
    assert not h2_site.origin.to("/c/h2-431")


@pytest.mark.parametrize(
    "acked",
    [
        False,
        pytest.param(
            True,
            marks=pytest.mark.xfail(
                strict=True,
                reason="nghttp2 ends the connection (PROTOCOL_ERROR) where RFC 9113 5.1.2 wants the stream refused, once "
                "the client has acknowledged the limit that it ignores",
            ),
        ),
    ],
    ids=["not-known-yet", "acknowledged"],
)
def test_streams_over_the_limit_are_refused(h2_site, acked):
    """REFUSED_STREAM, so that clients may send them again; those within the limit are served."""
    path = h2_site.origin.on("/s/held", long_answer)
    with h2_site.h2("few") as client:
        if acked:
            client.get("/local")
            assert client.peer[MAX_STREAMS] == 4
        held = [client.start(f"{path}/{number}") for number in range(4)]
        over = [client.start("/local") for _ in range(3)]
        for one in over:
            client.wait(one)
            assert (one.reset, one.status) == (REFUSED_STREAM, 0)
        for one in held:
            client.wait_head(one)
            client.send_raw(rst_stream(one.stream))
        time.sleep(0.05)
        assert client.get("/local").status == 200


def test_header_table_churn_and_never_indexed(h2_site):
    """HPACK of every kind is decoded alike: indexed names, Huffman, dynamic entries, size updates."""
    with h2_site.h2() as client:
        for number in range(50):
            block = client.encoder.encode(
                [(":method", "GET"), (":scheme", "http"), (":authority", "a.test"), (":path", "/c/h2-hpack"),
                 ("x-same", "always"), (f"x-{number}", "v" * 100)], huffman=bool(number % 2))
            answer = client.open([(":method", "GET")], send=False)
            client.send_raw(client.head_frames(answer.stream, block, True))
            assert client.wait(answer).status == 200
        assert h2_site.origin.last("/c/h2-hpack").fields["x-same"] == "always"


# Cancelling


@BOTH
@pytest.mark.parametrize("streaming", [False, True], ids=["waiting", "streaming"])
@pytest.mark.parametrize("how", ["rst", "tcp"])
def test_client_that_cancels_cancels_upstream(h2_site, listener, streaming, how):
    """I17: within 10 ms. The best of five, because the rest is Python's and the machine's."""
    took = []
    for attempt in range(5):
        seen = []

        def watch(conn, request):
            if streaming:
                conn.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            try:
                conn.receive(3)
            finally:
                seen.append(time.monotonic())

        path = h2_site.origin.on(f"/s/h2-i17-{listener}-{streaming}-{how}-{attempt}", watch)
        with h2_site.h2(listener) as client:
            answer = client.start(path)
            h2_site.origin.last(path)
            if streaming:
                client.read_until(lambda: answer.received)
            start = time.monotonic()
            if how == "rst":
                client.send_raw(rst_stream(answer.stream, CANCEL))
            else:
                client.abort()
            assert h2_site.origin.wait_for(lambda: seen, 2), "the upstream was not told"
            took.append(seen[0] - start)
            if how == "rst":
                assert client.get("/local").status == 200
    assert min(took) < 0.010 * PATIENCE, took


def test_cancelled_upload_never_ends_cleanly(h2_site):
    with h2_site.h2() as client:
        answer = client.start("/c/h2-cut", "POST", end=False)
        client.data(answer.stream, b"hello")
        seen = h2_site.origin.last("/c/h2-cut")
        client.send_raw(rst_stream(answer.stream))
        conn = h2_site.origin.connection_of(seen)
        assert h2_site.origin.wait_for(lambda: conn.ended), "the upstream connection stays open"
        assert not seen.complete and b"0\r\n\r\n" not in bytes(conn.raw).split(b"h2-cut")[1].split(b"\r\n\r\n", 1)[1]
        assert client.get("/local").status == 200


def test_on_disconnect_finish(h2_site):
    """The upstream's work goes on to its end."""
    done = []

    def slow(conn, request):
        try:
            conn.receive(0.3)
            return  # the end of the connection, or bytes that nobody wants
        except TimeoutError:
            conn.answer(body=b"x" * 100_000)
            done.append(conn)

    path = h2_site.origin.on("/finish/h2", slow)
    with h2_site.h2() as client:
        answer = client.start(path)
        h2_site.origin.last(path)
        client.send_raw(rst_stream(answer.stream))
        assert h2_site.origin.wait_for(lambda: done, 2), "the upstream was cancelled"
        assert client.get("/local").status == 200


# Flow control


def test_stalled_upstream_leaves_at_most_a_window(h2_site):
    """An origin that does not read: the client gets no more window than the listener's, whatever it waits."""
    release = threading.Event()

    def stall(conn, request):
        release.wait(10)
        conn.read_body(request)
        conn.answer()

    path = h2_site.origin.on("/s/h2-stall", stall, early=True)
    with h2_site.h2("narrow") as client:
        client.get("/local")
        answer = client.start(path, "POST", end=False)
        conn = h2_site.origin.connection_of(h2_site.origin.last(path))
        sent = 0
        try:
            while sent < 30_000_000:
                room = min(client.send_window, client.stream_windows[answer.stream], 16384)
                if room <= 0:
                    client.read_until(
                        lambda: min(client.send_window, client.stream_windows[answer.stream]) > 0, 0.5
                    )
                    continue
                client.data(answer.stream, b"x" * room)
                sent += room
            pytest.fail("30 MB went to an origin that does not read")
        except TimeoutError:
            pass
        assert client.get("/local").status == 200, "a stalled stream holds up others"
        assert client.post("/c/h2-stall-other", b"y" * 100_000).status == 200, "the connection's window is gone"
        release.set()
        client.data(answer.stream, b"", end=True)
        assert client.wait(answer).status == 200
    assert conn.requests[-1].received == sent


def test_stalled_stream_does_not_block_others(h2_site):
    """One answer whose client gives no window, and 20 that go through; then the stalled one goes on, whole."""
    with h2_site.h2(settings={INITIAL_WINDOW: 1000}, credit=False) as client:
        client.send_raw(window_update(0, 10_000_000))
        stuck = client.start("/big")
        client.read_until(lambda: stuck.received == 1000)
        for _ in range(20):
            answer = client.start("/big")
            client.send_raw(window_update(answer.stream, 60_000))
            client.wait(answer)
            assert answer.received == 60_000
        client.send_raw(window_update(stuck.stream, 60_000))
        client.wait(stuck)
        assert bytes(stuck.body) == b"x" * 60_000


def test_slow_client_stops_a_fast_upstream(h2_site):
    """Backpressure: the origin of a stream that nobody reads is stopped, and postern holds little of it."""
    sent = []

    def flood(conn, request):
        conn.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        conn.sock.settimeout(1.5)
        try:
            for _ in range(2000):
                conn.sock.sendall(b"c350\r\n" + b"x" * 50_000 + b"\r\n")
                sent.append(50_000)
        except OSError:
            pass

    path = h2_site.origin.on("/s/h2-flood", flood)
    with h2_site.h2(credit=False) as client:
        before = h2_site.postern.rss_kib()
        answer = client.start(path)
        client.wait_head(answer)
        time.sleep(1)
        client.ping()
        assert sum(sent) < 40_000_000, "the origin was never stopped"
        assert SANITIZED or h2_site.postern.rss_kib() - before < 5_000
        assert answer.received == 65535
        client.send_raw(rst_stream(answer.stream))


@pytest.mark.parametrize("kind", ["stream", "connection"])
def test_window_overflow(h2_site, kind):
    """RFC 9113 6.9.1: a window over 2^31-1 ends the stream, or the connection, with FLOW_CONTROL_ERROR."""
    with h2_site.h2() as client:
        answer = client.start("/s/h2-none", "POST", end=False)
        if kind == "stream":
            client.send_raw(window_update(answer.stream, 0x7FFFFFFF))
            client.wait(answer)
            assert answer.reset == 3 and client.get("/local").status == 200
        else:
            client.send_raw(window_update(0, 0x7FFFFFFF))
            client.how_it_ends()
            assert client.goaways[-1][1] == 3


def test_more_than_the_window_is_cut_off(h2_site):
    done = threading.Event()

    def lazy(conn, request):
        done.wait(20)  # not before: its end would be an answer
        conn.close()

    h2_site.origin.on("/s/h2-greedy", lazy, early=True)
    with h2_site.h2("narrow") as client:
        client.get("/local")
        answer = client.start("/s/h2-greedy", "POST", end=False)
        try:
            for _ in range(40):
                client.data(answer.stream, b"x" * 16384)
            client.wait(answer)
            assert answer.reset == 3
        except (Closed, OSError):
            client.listen(0.2)
            assert client.goaways and client.goaways[-1][1] == 3
        finally:
            done.set()


# Ends


def test_truncated_upstream_body_is_a_reset(h2_site):
    """I14: RST_STREAM, never END_STREAM; the connection lives."""
    def cut(conn, request):
        conn.send(HEAD + b"Content-Length: 100\r\n\r\nhalf")
        conn.reset()

    h2_site.origin.on("/s/h2-i14", cut)
    with h2_site.h2() as client:
        answer = client.get("/s/h2-i14")
        assert not answer.ended and answer.reset in (INTERNAL_ERROR, CANCEL)
        assert client.get("/local").status == 200


def test_timeouts(h2_site):
    def silent(conn, request):
        try:
            conn.receive(3)
        except TimeoutError:
            pass

    def stall(conn, request):
        conn.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        silent(conn, request)

    h2_site.origin.on("/patient/h2-silent", silent)
    h2_site.origin.on("/patient/h2-stall", stall)
    with h2_site.h2() as client:
        start = time.monotonic()
        first, second = client.start("/patient/h2-silent"), client.start("/patient/h2-stall")
        client.wait(first)
        assert first.status == 504 and time.monotonic() - start < 1.5 * PATIENCE
        check_problem(first)
        client.wait(second)
        assert second.reset is not None and not second.ended and bytes(second.body) == b"hello"
        assert client.get("/local").status == 200


def test_slow_body_is_408_or_reset(h2_site):
    with h2_site.h2("quick") as client:
        start = time.monotonic()
        answer = client.start("/c/h2-slow-body", "POST", end=False)
        client.data(answer.stream, b"x")
        client.wait(answer)
        assert answer.status == 408 or answer.reset is not None, answer
        assert 0.3 < time.monotonic() - start < 2 * PATIENCE
    h2_site.settle()
    assert not [one for one in h2_site.origin.to("/c/h2-slow-body") if one.complete]


def test_idle_connection_ends_with_goaway(h2_site):
    with h2_site.h2("quick") as client:
        assert client.get("/local").status == 200
        start = time.monotonic()
        assert client.how_it_ends() == "fin"
        assert 0.3 < time.monotonic() - start < 2 * PATIENCE
        assert client.goaways and client.goaways[-1][1] == NO_ERROR, client.goaways


def test_clients_goaway_lets_streams_finish(h2_site):
    def late(conn, request):
        time.sleep(0.2)
        conn.answer(body=b"late")

    h2_site.origin.on("/s/h2-late", late)
    with h2_site.h2() as client:
        answer = client.start("/s/h2-late")
        client.send_raw(make_frame(7, 0, 0, b"\0" * 8))
        client.wait(answer)
        assert bytes(answer.body) == b"late"
        client.how_it_ends()


def test_half_closed_client_is_served(h2_site):
    def late(conn, request):
        time.sleep(0.1)
        conn.answer(body=b"late")

    h2_site.origin.on("/s/h2-fin", late)
    with h2_site.h2() as client:
        answer = client.start("/s/h2-fin")
        h2_site.origin.last("/s/h2-fin")
        client.sock.shutdown(1)
        try:
            client.wait(answer)
            assert bytes(answer.body) == b"late"
        except Closed:  # a half-closed HTTP/2 connection is as good as dead (no acks can come): both are right
            pass


@BOTH
def test_drain_sends_goaway_and_finishes_streams(postern_with, make_origin, authority, listener):
    """H12: GOAWAY with 2^31-1 first, then with the last stream; those within it end well; a new stream is refused."""
    origin = make_origin()

    def late(conn, request):
        time.sleep(0.6)
        conn.answer(body=b"late")

    origin.on("/late", late)
    tls = {"tls": {"certificate": [authority.issue("a.test").table()], "alpn": ["h2"]}} if listener == "tls" else {}
    postern = postern_with(
        listener=[{"name": "main", "h2c": listener == "h2c", **tls}],
        upstream=[{"name": "up", "endpoints": [origin.endpoint]}],
        route=[{"name": "all", "path": "/*", "forward": "up"}],
        shutdown={"drain_timeout": "5s"},
    )
    context = client_context(authority, alpn=["h2"]) if tls else None
    with H2Client(postern.address(), tls=context) as client:
        assert client.get("/x").status == 200
        answer = client.start("/late")
        origin.last("/late")
        postern.process.terminate()
        client.read_until(lambda: client.goaways, 2)
        client.wait(answer)
        assert answer.status == 200 and bytes(answer.body) == b"late"
        assert client.how_it_ends() == "fin"
        lasts = [last for last, _, _ in client.goaways]
        assert all(code == NO_ERROR for _, code, _ in client.goaways), client.goaways
        assert lasts[0] == 0x7FFFFFFF and lasts[-1] == answer.stream, client.goaways
    assert postern.wait_exit() == 0


def test_reload_keeps_streams(postern_with, make_origin):
    """A reload in the middle of a stream: it goes on; the connection is used for the next request."""
    origin = make_origin()

    def slow(conn, request):
        conn.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for number in range(5):
            conn.send(b"1\r\n%d\r\n" % number)
            time.sleep(0.1)
        conn.send(b"0\r\n\r\n")

    origin.on("/slow", slow)
    settings = {
        "listener": [{"name": "main", "h2c": True}],
        "upstream": [{"name": "up", "endpoints": [origin.endpoint]}],
        "route": [{"name": "all", "path": "/*", "forward": "up"}],
    }
    postern = postern_with(settings)
    with H2Client(postern.address()) as client:
        answer = client.start("/slow")
        client.wait_head(answer)
        more = {"name": "new", "path": "/new", "reply": {"status": 200, "body": "new"}}
        postern.reload({**postern.settings, "route": [more, *settings["route"]]})
        client.wait(answer)
        assert bytes(answer.body) == b"01234" and answer.ended
        assert bytes(client.get("/new").body) == b"new"


def test_metrics_and_log_count_h2(h2_site):
    before = h2_site.postern.total("postern_requests_total")
    connections = h2_site.postern.total("postern_h2_connections_total")
    with h2_site.h2() as client:
        for _ in range(10):
            client.get("/local")
    assert h2_site.postern.total("postern_requests_total") >= before + 10
    assert h2_site.postern.total("postern_h2_connections_total") == connections + 1


