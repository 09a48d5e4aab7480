"""Catalogue 2.3, I11 to I14: answers that are broken, too long, unasked or cut; none of it reaches a client as good."""

from __future__ import annotations

import time

import pytest

from harness.client import Closed
from harness.flight import check_problem
from harness.scripts import HEAD, is_discarded, raw


@pytest.mark.parametrize("status", [204, 304, "head"])
@pytest.mark.parametrize(
    "length", ["Content-Length: 6\r\n", "Transfer-Encoding: chunked\r\n", ""], ids=["length", "chunked", "bare"]
)
def test_i11_excess_body_never_reaches_the_client(site, status, length):
    name = f"/s/i11-{status}-{len(length)}"
    line = b"HTTP/1.1 %d X\r\nX-Origin: 1\r\n" % (200 if status == "head" else status)
    body = b"6\r\nSECRET\r\n0\r\n\r\n" if "chunked" in length else b"SECRET"
    site.origin.on(name, raw(line + length.encode() + b"\r\n" + body))
    with site.client() as client:
        answer = client.get(name, method="HEAD" if status == "head" else "GET")
        assert answer.status in (200 if status == "head" else status, 502)
        assert client.get("/local").body == b"local", "bytes of the excess body reached the client"
    is_discarded(site, name)


def test_i11_head_keeps_content_length(site):
    site.origin.on("/s/i11-plain-head", raw(HEAD + b"Content-Length: 12345\r\n\r\n"))
    with site.client() as client:
        assert client.get("/s/i11-plain-head", method="HEAD").fields["content-length"] == "12345"
        assert client.get("/local").status == 200


BAD_ANSWERS = {
    "length-and-chunked": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked-and-length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two-lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "length-list": HEAD + b"Content-Length: 5, 6\r\n\r\nhello!",
    "length-sign": HEAD + b"Content-Length: +5\r\n\r\nhello",
    "length-word": HEAD + b"Content-Length: five\r\n\r\nhello",
    "length-huge": HEAD + b"Content-Length: 18446744073709551621\r\n\r\nhello",
    "length-negative": HEAD + b"Content-Length: -1\r\n\r\n",
    "gzip": HEAD + b"Transfer-Encoding: gzip\r\n\r\nhello",
    "gzip-chunked": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "two-codings": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "http10-chunked": HEAD.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "ctl-in-value": HEAD + b"X-A: a\x01b\r\nContent-Length: 0\r\n\r\n",
    "nul-in-value": HEAD + b"X-A: a\0b\r\nContent-Length: 0\r\n\r\n",
    "cr-in-value": HEAD + b"X-A: a\rb\r\nContent-Length: 0\r\n\r\n",
    "bare-lf": HEAD + b"X-A: b\nContent-Length: 0\r\n\r\n",
    "bad-name": HEAD + b"X A: b\r\nContent-Length: 0\r\n\r\n",
    "space-before-colon": HEAD + b"Content-Length : 0\r\n\r\n",
    "fold": HEAD + b"X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "status-099": b"HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n",
    "status-000": b"HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n",
    "status-1000": b"HTTP/1.1 1000 X\r\nContent-Length: 0\r\n\r\n",
    "status-word": b"HTTP/1.1 abc X\r\nContent-Length: 0\r\n\r\n",
    "status-20": b"HTTP/1.1 20 X\r\nContent-Length: 0\r\n\r\n",
    "http2": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "no-version": b"200 OK\r\nContent-Length: 0\r\n\r\n",
    "garbage": b"\x16\x03\x01\x02\x00garbage\r\n\r\n",
    "http09": b"<html>hello</html>\r\n\r\n",
    "endless-head": HEAD + b"X-Long: " + b"y" * 400_000,
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
@pytest.mark.parametrize("round_number", range(2))
def test_i12_broken_answers_are_502(site, name, round_number):
    """Twice: the second must not meet what is left of the first."""
    path = site.origin.on(f"/s/i12-{name}", raw(BAD_ANSWERS[name]))
    with site.client() as client:
        answer = client.get(path)
        assert answer.status == 502
        check_problem(answer)
        if not answer.says_close:
            assert client.get("/c/i12-after").status == 200
    is_discarded(site, path)


def test_i12_identical_duplicate_length(site):
    """RFC 9110 allows to take equal duplicates for one; never both are sent on."""
    path = site.origin.on("/s/i12-equal", raw(HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"))
    with site.client() as client:
        answer = client.get(path)
        assert answer.status == 502 or (answer.body == b"hello" and answer.fields.all("content-length") == ["5"])


def test_i13_more_than_content_length(site):
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON"
    path = site.origin.on("/s/i13-more", raw(HEAD + b"Content-Length: 2\r\n\r\nok" + evil))
    with site.client() as client:
        answer = client.get(path)
        assert answer.body == b"ok"
        for number in range(3):
            assert client.get(f"/c/i13-{number}").body == b"ok"
    is_discarded(site, path)


def test_i13_bytes_while_idle(site):
    """An answer that nobody asked for, sent on an idle kept connection, is never given to the next client."""

    def poison(conn, request):
        conn.answer()
        time.sleep(0.1)
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON")

    path = site.origin.on("/s/i13-idle", poison)
    with site.client() as client:
        assert client.get(path).body == b"ok"
        time.sleep(0.25)
        for number in range(5):
            assert client.get(f"/c/i13-idle-{number}").body == b"ok"
    is_discarded(site, path)


CUT_ANSWERS = {
    "length": HEAD + b"Content-Length: 10\r\n\r\nhello",
    "length-nothing": HEAD + b"Content-Length: 10\r\n\r\n",
    "chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\na\r\nhello",
    "between-chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "chunk-size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5",
    "before-last-crlf": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    "in-trailer": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: y",
    "bad-chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nXYZ\r\n",
    "chunk-overrun": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
}


@pytest.mark.parametrize("end", ["fin", "reset"])
@pytest.mark.parametrize("name", CUT_ANSWERS)
def test_i14_cut_answers_never_end_cleanly(site, name, end):
    def script(conn, request):
        conn.send(CUT_ANSWERS[name])
        time.sleep(0.02)
        conn.reset() if end == "reset" else conn.close()

    path = site.origin.on(f"/s/i14-{name}-{end}", script)
    with site.client() as client:
        client.send(f"GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n")
        try:
            answer = client.read()
        except Closed as cut:
            assert cut.partial is None or b"hello".startswith(cut.partial.body[:5]), cut.partial
        else:
            assert answer.status == 502, f"a cut answer looks complete: {answer.head!r} {answer.body!r}"


def test_i14_until_close_answer_that_resets(site):
    """A body without framing that ends by RST was cut: the client must be able to see that."""

    def script(conn, request):
        conn.send(HEAD + b"\r\nhello")
        time.sleep(0.05)
        conn.reset()

    site.origin.on("/s/i14-unframed", script)
    with site.client() as client:
        client.send("GET /s/i14-unframed HTTP/1.1\r\nHost: a.test\r\n\r\n")
        with pytest.raises(Closed):
            client.read()
