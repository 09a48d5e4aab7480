"""Who the client is: X-Forwarded-*, Forwarded, PROXY protocol, from declared peers only. Rows I2 and I4."""

from __future__ import annotations

import re
import socket

import pytest

from harness.client import Closed


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
    "v2-6": (
        V2 + b"\x21\x21\0\x24" + socket.inet_pton(socket.AF_INET6, "2001:db8::7") * 2 + b"\x10\xe1\0P",
        "2001:db8::7",
    ),
    "v2-tlv": (
        V2 + b"\x21\x11\0\x11" + bytes([203, 0, 113, 7, 198, 51, 100, 1]) + b"\x10\xe1\0P\x04\0\x02hi",
        "203.0.113.7",
    ),
    "v2-local": (V2 + b"\x20\0\0\0", "127.0.0.1"),
}


@pytest.mark.parametrize("name", GOOD_PROXY)
@pytest.mark.parametrize("split", [False, True], ids=["whole", "bytewise"])
def test_proxy_protocol(site, name, split):
    header, address = GOOD_PROXY[name]
    path = f"/c/proxy-{name}-{split}"
    with site.client("proxied") as client:
        data = header + GET % path.encode()
        for piece in ([data[at : at + 1] for at in range(len(data))] if split else [data]):
            client.send(piece)
        assert client.read().status == 200
        assert client.get(path + "-2").status == 200
    for target in (path, path + "-2"):
        assert site.origin.last(target).fields["x-forwarded-for"].strip("[]") == address


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"PROXY TCP4 300.0.113.7 198.51.100.1 4321 80\r\n",
        b"PROXY TCP4 203.0.113.7\r\n",
        b"PROXY TCP9 a b 1 2\r\n",
        b"PROXY TCP4 203.0.113.7 198.51.100.1 4321 80\n",
        b"PROXY TCP4 203.0.113.7 198.51.100.1 99999 80\r\n",
        b"proxy TCP4 203.0.113.7 198.51.100.1 4321 80\r\n",
        b"PROXY " + b"x" * 200 + b"\r\n",
        b"PROXY TCP4 203.0.113.7 2001:db8::1 1 2\r\n",
        V2 + b"\x31\x11\0\x0c" + bytes(12),
        V2 + b"\x21\x11\0\x04" + bytes(4),
        V2[:8] + b"XXXX" + bytes(20),
    ],
)
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
