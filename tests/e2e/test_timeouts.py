"""Deadlines: slow heads and bodies, idle connections, silent upstreams. Every one with its status, and in time."""

from __future__ import annotations

import time

import pytest

from harness.client import PATIENCE, Closed
from harness.flight import check_problem

HEAD = b"HTTP/1.1 200 OK\r\nX-Origin: 1\r\n"


def ends_within(client, low: float, high: float, start: float) -> None:
    client.how_it_ends()
    took = time.monotonic() - start
    assert low <= took <= high * PATIENCE, f"closed after {took:.2f} s, expected {low} to {high}"


@pytest.mark.parametrize("piecewise", [False, True], ids=["stalled", "dripping"])
def test_slow_head_is_408(site, piecewise):
    """The deadline is for the whole head: dripping bytes do not extend it."""
    with site.client("quick") as client:
        start = time.monotonic()
        client.send("GET /c/slow-head HTTP/1.1\r\nHost: a.test\r\nX-Slow: ")
        if piecewise:
            try:
                while time.monotonic() - start < 2 * PATIENCE:
                    client.send("x")
                    if not client.is_open(0.05):
                        break
                    if client.buffer:
                        break
            except OSError:
                pass
        answer = client.read()
        assert answer.status == 408 and answer.says_close
        check_problem(answer)
        ends_within(client, 0.3, 1.5, start)


def test_first_line_never_comes(site):
    """A new connection that says nothing is closed without a word, or with a 408."""
    with site.client("quick") as client:
        start = time.monotonic()
        try:
            assert client.read().status == 408
        except Closed as end:
            assert end.how == "fin"
        assert time.monotonic() - start < 2 * PATIENCE


def test_idle_keep_alive_ends_quietly(site):
    with site.client("quick") as client:
        assert client.get("/local").status == 200
        start = time.monotonic()
        assert client.how_it_ends() == "fin"
        assert 0.3 <= time.monotonic() - start <= 1.5 * PATIENCE


def test_keep_alive_outlives_its_timeout_when_used(site):
    with site.client("quick") as client:
        for _ in range(4):
            assert client.get("/local").status == 200
            time.sleep(0.25)


@pytest.mark.parametrize("framed", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_slow_body_is_408_and_never_complete(site, framed):
    path = f"/c/slow-body-{framed[0]}"
    with site.client("quick") as client:
        client.send(f"POST {path} HTTP/1.1\r\nHost: a.test\r\n{framed}\r\n\r\n")
        answer = client.read()
        assert answer.status == 408 and answer.says_close
        client.how_it_ends()
    site.settle()
    assert not [one for one in site.origin.to(path) if one.complete]


def test_body_that_moves_is_not_cut(site):
    """The body's timeout is between pieces: a slow but steady upload of more than that completes."""
    with site.client("quick") as client:
        client.send("POST /c/steady HTTP/1.1\r\nHost: a.test\r\nContent-Length: 8\r\n\r\n")
        for _ in range(8):
            client.send("x")
            time.sleep(0.15)
        assert client.read().status == 200


def test_slow_reader_is_cut_off(site):
    """write_timeout: a client that takes nothing for a second loses its connection."""

    def flood(conn, request):
        conn.send(HEAD + b"Content-Length: 100000000\r\n\r\n")
        try:
            for _ in range(2000):
                conn.send(b"x" * 50_000)
        except OSError:
            pass

    site.origin.on("/s/unread", flood)
    with site.client("quick", receive_buffer=16384) as client:
        client.send("GET /s/unread HTTP/1.1\r\nHost: a.test\r\n\r\n")
        conn = site.origin.connection_of(site.origin.last("/s/unread"))
        assert site.origin.wait_for(lambda: conn.ended, 4 * PATIENCE), "the upstream connection is still held"


def test_response_timeout_is_504(site):
    def sleepy(conn, request):
        try:
            conn.receive(3)
        except TimeoutError:
            pass

    site.origin.on("/patient/silent", sleepy)
    with site.client() as client:
        start = time.monotonic()
        answer = client.get("/patient/silent")
        assert answer.status == 504 and 0.3 < time.monotonic() - start < 1.5 * PATIENCE
        check_problem(answer)
        assert client.get("/local").status == 200
    conn = site.origin.connection_of(site.origin.last("/patient/silent"))
    assert site.origin.wait_for(lambda: conn.ended), "the upstream connection was kept"


def test_idle_timeout_inside_an_answer_is_no_clean_end(site):
    def stall(conn, request):
        conn.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        try:
            conn.receive(3)
        except TimeoutError:
            pass

    site.origin.on("/patient/stall", stall)
    with site.client() as client:
        client.send("GET /patient/stall HTTP/1.1\r\nHost: a.test\r\n\r\n")
        start = time.monotonic()
        with pytest.raises(Closed):
            client.read()
        assert time.monotonic() - start < 1.5 * PATIENCE


def test_answer_that_moves_is_not_cut(site):
    """Longer than both timeouts together, but never silent."""

    def drip(conn, request):
        conn.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(8):
            time.sleep(0.15)
            conn.send(b"1\r\nx\r\n")
        conn.send(b"0\r\n\r\n")

    site.origin.on("/patient/drip", drip)
    with site.client() as client:
        assert client.get("/patient/drip").body == b"x" * 8
