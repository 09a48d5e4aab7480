"""Catalogue 2.3: hop-by-hop, interim answers, early answers, clients that leave, as far as HTTP/1.1 goes.

WebSocket tunnels that open are in test_websocket.py; rows on identity headers belong to later versions. I11 to I14 are in test_bad_answers.py.
"""

from __future__ import annotations

import time

import pytest

from catalogue import semantics
from harness.flight import check_problem
from harness.scripts import HEAD, is_discarded, raw

CASES = semantics.all_cases()
WEBSOCKET = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_semantics(pilot, case):
    pilot.run(case)


def test_i2_upstream_gets_one_writer_of_forwarded_fields(site):
    """Forged copies in any case and number are gone; ours stand there once."""
    with site.client() as client:
        client.get(
            "/c/i2",
            headers="X-FORWARDED-FOR: 6.6.6.6\r\nx-forwarded-for: 7.7.7.7\r\nX-Real-IP: 6.6.6.6\r\n"
            "X-Forwarded-Host: evil.test\r\nForwarded: for=6.6.6.6;host=evil.test\r\n",
        )
    seen = site.origin.last("/c/i2")
    assert seen.fields.all("x-forwarded-for") == ["127.0.0.1"]
    assert b"6.6.6.6" not in seen.head and b"7.7.7.7" not in seen.head and b"evil.test" not in seen.head


def test_i3_response_hop_by_hop_fields_stay_behind(site):
    site.origin.on(
        "/s/i3",
        raw(
            HEAD + b"Connection: X-Private, keep-alive\r\nX-Private: 1\r\nKeep-Alive: timeout=9\r\n"
            b"Proxy-Authenticate: Basic\r\nUpgrade: h2c\r\nX-Kept: k\r\nContent-Length: 2\r\n\r\nok"
        ),
    )
    with site.client() as client:
        answer = client.get("/s/i3")
        for name in ("x-private", "keep-alive", "proxy-authenticate", "upgrade"):
            assert name not in answer.fields, answer.head
        assert answer.fields["x-kept"] == "k" and answer.body == b"ok"
        assert client.get("/local").status == 200


@pytest.mark.parametrize("asked", [True, False], ids=["asked", "unasked"])
def test_i8_unvalidated_101_is_502(site, asked):
    path = site.origin.on(
        f"/s/i8-{asked}",
        raw(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\n\r\nSECRET-TUNNEL-BYTES"
        ),
    )
    upgrade = WEBSOCKET if asked else ""
    with site.client() as client:
        answer = client.get(path, headers=upgrade)
        assert answer.status == 502
        check_problem(answer)
        assert b"SECRET" not in client.buffer
    is_discarded(site, path)


def test_i6_bytes_behind_an_upgrade_are_no_tunnel(site):
    """The origin answers 200 to an upgrade: what follows is neither a tunnel nor a request."""
    with site.client() as client:
        client.send(f"GET /c/i6 HTTP/1.1\r\nHost: a.test\r\n{WEBSOCKET}\r\n\x81\x05helloGET /c/i6-behind HTTP/1.1\r\n\r\n")
        answer = client.read()
        assert answer.status == 200 and answer.fields.tokens("connection") == ["close"]
        client.how_it_ends()
    site.settle()
    assert b"hello" not in bytes(site.origin.connection_of(site.origin.last("/c/i6")).raw).split(b"i6", 1)[1][:400]
    assert not site.origin.to("/c/i6-behind")


def test_i9_client_that_waits_gets_a_100(site):
    with site.client() as client:
        client.send("POST /c/i9 HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert client.read_head(interim=True).status == 100
        assert client.ask("hello").status == 200
        assert client.get("/local").status == 200
    assert site.origin.last("/c/i9").body == b"hello"


def test_i9_final_answer_before_the_body(site):
    """A final status instead of 100: the client need not send the body, and no connection is reused out of step."""

    def refuse(conn, request):
        conn.answer(401, b"no")

    path = site.origin.on("/s/i9-refuse", refuse, early=True)
    with site.client() as client:
        client.send(f"POST {path} HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 50000\r\n\r\n")
        answer = client.read()
        assert answer.status == 401
        if 100 not in [one.status for one in answer.interims]:
            if answer.says_close:
                client.how_it_ends()
            else:  # it said that it goes on reading (RFC 9110 10.1.1): the body is taken and dropped
                assert client.send(b"x" * 50_000).get("/local").body == b"local"
    is_discarded(site, path)


def test_i9_no_100_for_what_is_refused_anyway(site):
    for target, status in (("/nowhere", 404), ("/limited/i9", 413)):
        with site.client() as client:
            client.send(
                f"POST {target} HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n"
            )
            answer = client.read()
            assert answer.status == status and not answer.interims


def test_i10_103_is_relayed(site):
    site.origin.on(
        "/s/i10",
        raw(
            b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
            b"HTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\nok"
        ),
    )
    with site.client() as client:
        answer = client.get("/s/i10")
        assert [one.status for one in answer.interims] == [103, 103] and answer.body == b"ok"
        assert answer.interims[0].fields["link"] == "</a.css>; rel=preload"
        client.send("GET /s/i10 HTTP/1.0\r\nHost: a.test\r\n\r\n")
        answer = client.read()
        assert not answer.interims and answer.body == b"ok", "an interim answer went to HTTP/1.0"


def test_i10_103_arrives_before_the_final_answer(site):
    def hint(conn, request):
        conn.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        time.sleep(0.3)
        conn.answer()

    site.origin.on("/s/i10-early", hint)
    with site.client() as client:
        start = time.monotonic()
        client.send("GET /s/i10-early HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert client.read_head(interim=True).status == 103 and time.monotonic() - start < 0.25
        assert client.read().status == 200


def test_i10_unasked_100_is_swallowed(site):
    site.origin.on("/s/i10-100", raw(b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\nok"))
    with site.client() as client:
        answer = client.get("/s/i10-100")
        assert answer.body == b"ok" and not answer.interims


def test_i10_endless_interims_are_cut_off(site):
    path = site.origin.on(
        "/s/i10-many",
        raw(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 50 + HEAD + b"Content-Length: 2\r\n\r\nok"),
    )
    with site.client() as client:
        answer = client.get(path)
        assert len(answer.interims) <= 10 and (answer.status == 502 or answer.body == b"ok")


def test_i15_early_answer_while_uploading(site):
    """The origin refuses at once; the client gets that while it is still sending, and the body goes nowhere else."""

    def refuse(conn, request):
        conn.answer(413, b"too much", "Connection: close\r\n")
        conn.close()

    path = site.origin.on("/s/i15", refuse, early=True)
    with site.client() as client:
        client.send(f"POST {path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000000\r\n\r\n")
        answer = client.read()
        assert (answer.status, answer.body) == (413, b"too much")
        try:
            for _ in range(2000):
                client.send(b"x" * 50_000)
            pytest.fail("100 MB were taken after the final answer")
        except OSError:
            pass


def test_i16_half_close_is_served(site):
    def late(conn, request):
        time.sleep(0.1)
        conn.answer(body=b"late")

    site.origin.on("/s/i16", late)
    with site.client() as client:
        client.send("GET /s/i16 HTTP/1.1\r\nHost: a.test\r\n\r\n").fin()
        assert client.read().body == b"late"
        assert client.how_it_ends() == "fin"


def test_i16_abort_on_fin_where_the_route_says_so(site):
    def late(conn, request):
        if conn.receive(2):
            raise AssertionError("bytes instead of an end")

    site.origin.on("/abort/i16", late)
    with site.client() as client:
        client.send("GET /abort/i16 HTTP/1.1\r\nHost: a.test\r\n\r\n")
        conn = site.origin.connection_of(site.origin.last("/abort/i16"))
        client.fin()
        assert site.origin.wait_for(lambda: conn.ended, 1), "the upstream request goes on without a client"


@pytest.mark.parametrize("streaming", [False, True], ids=["waiting", "streaming"])
def test_i17_client_reset_cancels_upstream(site, streaming):
    seen = []

    def watch(conn, request):
        if streaming:
            conn.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        try:
            conn.receive(3)
        finally:
            seen.append(time.monotonic())

    path = site.origin.on(f"/s/i17-{streaming}", watch)
    client = site.client()
    client.send(f"GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n")
    site.origin.last(path)
    if streaming:
        client.read_head()
    start = time.monotonic()
    client.reset()
    assert site.origin.wait_for(lambda: seen, 2), "the upstream was not told"
    assert seen[0] - start < 0.1  # 10 ms are required; the rest is Python's


def test_i19_repeated_fields_stay_apart_and_in_order(site):
    site.origin.on(
        "/s/i19",
        raw(
            HEAD + b"Set-Cookie: a=1; Path=/\r\nX-Multi: 1\r\nSet-Cookie: b=2\r\nX-Multi: 2\r\n"
            b"Set-Cookie: c=3, d\r\nContent-Length: 2\r\n\r\nok"
        ),
    )
    with site.client() as client:
        answer = client.get("/s/i19", headers="X-Multi: 1\r\nCookie: x=1\r\nX-Multi: 2\r\n")
    assert answer.fields.all("set-cookie") == ["a=1; Path=/", "b=2", "c=3, d"]
    assert answer.fields.all("x-multi") == ["1", "2"]
    assert site.origin.last("/s/i19").fields.all("x-multi") == ["1", "2"]


def test_i22_i23_event_streams_are_not_held_back(site):
    def stream(conn, request):
        conn.send(HEAD + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(3):
            conn.send(b"9\r\ndata: %d\n\n\r\n" % number)
            time.sleep(0.15)
        conn.send(b"0\r\n\r\n")

    site.origin.on("/s/i22", stream)
    with site.client() as client:
        client.send("GET /s/i22 HTTP/1.1\r\nHost: a.test\r\nAccept-Encoding: gzip\r\nIncremental: ?1\r\n\r\n")
        head, times = client.read_head(), []
        assert "content-encoding" not in head.fields
        for number in range(3):
            client.wait_for(b"data: %d" % number)
            times.append(time.monotonic())
        assert times[2] - times[0] > 0.2, "events came in one piece"
        assert client.read_body(head).body == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"


def test_i23_incremental_requests_go_on_piece_by_piece(site):
    """The first chunk of an upload reaches the origin before the second is sent."""
    with site.client() as client:
        client.send(
            "POST /c/i23 HTTP/1.1\r\nHost: a.test\r\nIncremental: ?1\r\nTransfer-Encoding: chunked\r\n\r\n"
            "5\r\nhello\r\n"
        )
        conn = site.origin.connection_of(site.origin.last("/c/i23"))
        assert site.origin.wait_for(lambda: b"hello" in bytes(conn.raw).split(b"/c/i23")[-1])
        assert client.ask("5\r\nworld\r\n0\r\n\r\n").status == 200
    assert site.origin.last("/c/i23").body == b"helloworld"
