"""Catalogue 2.2: syntax, targets and Host, row by row (T9 is in test_tls.py)."""

from __future__ import annotations

import pytest

from catalogue import syntax, targets

CASES = syntax.all_cases() + targets.all_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_syntax(pilot, case):
    pilot.run(case)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_s3_answers_are_http11(site, version):
    with site.client() as client:
        client.send(f"GET /c/version HTTP/{version}\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        assert client.read().minor == 1
        client.how_it_ends()


def test_t1_http10_without_host(site):
    """HTTP/1.0 has no Host: refused, or forwarded with one (which may be empty, RFC 9112 3.2)."""
    with site.client() as client:
        assert client.ask("GET /c/no-host HTTP/1.0\r\n\r\n").status in (200, 400)
    for one in site.origin.to("/c/no-host"):
        assert len(one.fields.all("host")) == 1


def test_s7_endless_request_line(site):
    """The limit holds while the line is still coming."""
    with site.client() as client:
        try:
            client.send("GET /c/")
            for _ in range(1000):
                client.send("x" * 1000)
        except OSError:
            pass
        assert client.read().status == 414


def test_s7_endless_header(site):
    with site.client() as client:
        try:
            client.send("GET /c/x HTTP/1.1\r\nHost: a.test\r\nX-Long: ")
            for _ in range(1000):
                client.send("x" * 1000)
        except OSError:
            pass
        assert client.read().status == 431


def test_errors_prefer_html_for_browsers(site):
    accept = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    with site.client() as client:
        answer = client.get("/nowhere", headers=accept)
        assert answer.status == 404 and answer.fields["content-type"].startswith("text/html")
        assert b"<html" in answer.body.lower() and "no-store" in answer.fields["cache-control"]
        for other in ("Accept: */*\r\n", "Accept: application/json, text/html;q=0.5\r\n", ""):
            assert client.get("/nowhere", headers=other).fields["content-type"].startswith("application/problem+json")


def test_errors_do_not_echo_markup(site):
    with site.client() as client:
        answer = client.get("/nowhere/%3Cscript%3E?<script>", headers="Accept: text/html\r\nX-A: <script>\r\n")
        assert answer.status in (400, 404) and b"<script" not in answer.body


def test_tls_bytes_to_a_plain_port(site):
    with site.client() as client:
        client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)))
        client.fin()
        try:
            assert client.read().status == 400
        except Exception as end:  # closing at once is fine as well
            assert "fin" in str(end) or "reset" in str(end), end
