"""Catalogue 2.1: framing, row by row, and the parts of F22, F23 and F29 that need more than one input."""

from __future__ import annotations

import pytest

from catalogue import bodies, framing
from harness.client import SANITIZED, Closed
from harness.flight import check_problem

CASES = framing.all_cases() + bodies.all_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_framing(pilot, case):
    pilot.run(case)


def test_f1_error_is_a_problem_document(site):
    with site.client() as client:
        answer = client.ask(
            "POST /c/x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        assert answer.status == 400
        check_problem(answer)
        assert client.how_it_ends() == "fin"


def test_f22_endless_trailers_end_early(site):
    """Trailers are cut off at their limit, not collected until the client stops."""
    with site.client() as client:
        client.send("POST /c/x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
        try:
            for number in range(20_000):
                client.send(f"X-Endless-{number}: {'y' * 50}\r\n")
            pytest.fail("a megabyte of trailers was taken")
        except OSError:
            pass
    assert SANITIZED or site.postern.rss_kib() < 400_000


def test_f23_upstream_sees_no_clean_end(site):
    """A chunked upload that ends early never gets its last chunk upstream."""
    with site.client() as client:
        client.send("POST /c/f23-cut HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        seen = site.origin.last("/c/f23-cut")
        client.reset()
    conn = site.origin.connection_of(seen)
    assert site.origin.wait_for(lambda: conn.ended), "the upstream connection stays open"
    assert not seen.complete and b"\r\n0\r\n\r\n" not in bytes(conn.raw).split(b"f23-cut")[1].split(b"\r\n\r\n", 1)[1]


@pytest.mark.parametrize("framed", ["length", "chunked"])
def test_f29_large_unread_body_is_not_parsed(site, framed):
    """A local answer while a large body is on its way: drained up to a limit, then closed; never parsed."""
    smuggled = b"GET /bad/f29 HTTP/1.1\r\nHost: a.test\r\n\r\n" * 2000
    if framed == "length":
        head = b"Content-Length: 500000000\r\n\r\n"
    else:
        head, smuggled = b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n%s\r\n" % (len(smuggled), smuggled)
    with site.client() as client:
        client.send(b"POST /local HTTP/1.1\r\nHost: a.test\r\n" + head)
        assert client.read().body == b"local"
        try:
            for _ in range(200):
                client.send(smuggled)
            pytest.fail("16 MB of an unwanted body were taken")
        except OSError:
            pass
    site.settle()
    assert not site.origin.to("/bad/f29")


def test_f29_413_does_not_read_on(site):
    body = b"GET /bad/f29-413 HTTP/1.1\r\nHost: a.test\r\n\r\n" * 100
    with site.client() as client:
        client.send(b"POST /limited/f29 HTTP/1.1\r\nHost: a.test\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        answer = client.read()
        assert answer.status == 413
        check_problem(answer)
        if not answer.says_close:
            assert client.get("/local").body == b"local"
        else:
            client.how_it_ends()
    site.settle()
    assert not site.origin.to("/bad/f29-413") and not [one for one in site.origin.to("/limited/f29") if one.complete]


def test_f29_chunked_413_is_never_complete_upstream(site):
    with site.client() as client:
        client.send(b"POST /limited/f29-chunked HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            client.send(b"400\r\n" + b"x" * 1024 + b"\r\n" + b"1\r\nx\r\n0\r\n\r\n")
            assert client.read().status == 413
        except Closed as end:
            pytest.fail(f"no 413, the connection ended by {end.how}")
    site.settle()
    assert not [one for one in site.origin.to("/limited/f29-chunked") if one.complete]
