"""Hop-by-hop and semantics that one connection's bytes decide (more of the I rows in test_semantics.py)."""

from __future__ import annotations

from catalogue.case import (
    CHUNKED,
    HOST,
    MARK,
    SMUGGLED,
    Case,
    all_of,
    bad,
    body_is,
    chunk,
    good,
    in_order,
    lacks,
    one_of,
    post,
    request,
    sized,
)

HOP = ("keep-alive", "proxy-connection", "upgrade", "proxy-authorization", "proxy-authenticate", "trailer")


def has(name: str, value: str):
    def check(requests, answers):
        assert all(one.fields.get(name) == value for one in requests), [one.fields.get(name) for one in requests]

    return check


def connection_is_ours(requests, answers):
    """A Connection field towards the origin names nothing that the client wrote."""
    for one in requests:
        assert set(one.fields.tokens("connection")) <= {"close", "keep-alive", "te"}, one.fields.get("connection")


def asks_for_websocket(requests, answers):
    """The handshake towards the origin is postern's own: another key, each field once."""
    for one in requests:
        assert one.fields.all("upgrade") == ["websocket"] and one.fields.tokens("connection") == ["upgrade"], one.head
        assert one.fields.all("sec-websocket-version") == ["13"], one.head
        [key] = one.fields.all("sec-websocket-key")
        assert len(key) == 24 and key != "dGhlIHNhbXBsZSBub25jZQ==", one.head


def te_is_ours(requests, answers):
    for one in requests:
        assert one.fields.tokens("te") in ([], ["trailers"]), one.fields.get("te")


def all_cases() -> list[Case]:
    follow = b"GET /c/" + MARK + b"?%d HTTP/1.1\r\n" + HOST + b"\r\n"
    websocket = (
        b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
    return [
        good(
            "I1-listed-fields",
            request(fields=b"Connection: X-User, X-Secret\r\nX-User: u\r\nX-Secret: s\r\nX-Kept: k\r\n"),
            all_of(lacks("x-user", "x-secret"), has("x-kept", "k"), connection_is_ours),
        ),
        good(
            "I1-two-lines",
            request(fields=b"X-One: 1\r\nConnection: x-one\r\nConnection: X-TWO\r\nX-Two: 2\r\n"),
            all_of(lacks("x-one", "x-two"), connection_is_ours),
        ),
        good(
            "I1-forwarded-stays-ours",
            request(fields=b"Connection: X-Forwarded-For, X-Forwarded-Proto\r\nX-Forwarded-For: 6.6.6.6\r\n"),
            all_of(has("x-forwarded-for", "127.0.0.1"), has("x-forwarded-proto", "http")),
        ),
        good("I1-host-protected", request(fields=b"Connection: Host\r\n"), has("host", "a.test")),
        good(
            "I1-length-protected",
            post(b"Connection: Content-Length\r\n" + sized(b"hello"), b"hello"),
            body_is(b"hello"),
        ),
        good(
            "I1-te-protected",
            post(b"Connection: Transfer-Encoding\r\n" + CHUNKED, chunk(b"hello") + b"0\r\n\r\n"),
            body_is(b"hello"),
        ),
        good(
            "I3-hop-by-hop",
            request(
                fields=(
                    b"Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic eDp5\r\n"
                    b"Proxy-Authenticate: Basic\r\nTE: gzip;q=1\r\nTrailer: X-T\r\nUpgrade: foo/2\r\nX-Kept: k\r\n"
                )
            ),
            all_of(lacks(*HOP), te_is_ours, has("x-kept", "k")),
        ),
        good("I3-te-trailers", request(fields=b"TE: trailers, deflate;q=0.5\r\nConnection: TE\r\n"), te_is_ours),
        good("I3-connection-keep-alive", request(fields=b"Connection: keep-alive\r\n"), connection_is_ours),
        good(
            "I5-h2c",
            request(
                fields=(
                    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                    b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
                )
            ),
            all_of(lacks("upgrade", "http2-settings"), connection_is_ours),
        ),
        good("I5-h2c-bare", request(fields=b"Upgrade: h2c\r\n"), lacks("upgrade")),
        Case(
            "I6-upgrade-answered-200", request(fields=websocket), one_of(200), ends="close", check=asks_for_websocket
        ),
        bad("I7-upgrade-post", post(websocket + sized(b"hello"), b"hello")),
        bad("I7-upgrade-chunked", post(websocket + CHUNKED, chunk(b"hello") + b"0\r\n\r\n")),
        bad("I7-get-with-body", request(fields=websocket + sized(b"hello"), body=b"hello")),
        bad("I7-no-connection", request(fields=websocket.replace(b"Connection: Upgrade\r\n", b""))),
        bad("I7-http10", request(fields=websocket, version=b"HTTP/1.0")),
        bad("I7-no-key", request(fields=websocket.split(b"Sec-WebSocket-Key")[0])),
        bad("I7-short-key", request(fields=websocket.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhlIHNhbXBsZQ=="))),
        bad("I7-two-keys", request(fields=websocket + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")),
        bad("I7-version-12", request(fields=websocket.replace(b"13", b"12")), 426),
        bad("I7-no-version", request(fields=websocket.replace(b"Sec-WebSocket-Version: 13\r\n", b"")), 426),
        good("I9-expect-with-body", post(b"Expect: 100-continue\r\n" + sized(b"hello"), b"hello"), body_is(b"hello")),
        good("I9-expect-case", post(b"Expect: 100-Continue\r\n" + sized(b"hello"), b"hello"), body_is(b"hello")),
        Case("I9-expect-unknown", request(fields=b"Expect: tea\r\n"), one_of(417)),
        Case("I9-expect-two", post(b"Expect: 100-continue, tea\r\n" + sized(b"hello"), b"hello"), one_of(417)),
        Case(
            "I9-expect-http10",
            post(b"Expect: 100-continue\r\n" + sized(b"hello"), b"hello", version=b"HTTP/1.0"),
            one_of(200),
            ends="close",
            check=body_is(b"hello"),
        ),
        Case(
            "I18-pipeline-of-5",
            b"".join(follow % number for number in range(5)),
            in_order(*[200] * 5),
            ends="keep",
            check=in_that_order,
        ),
        Case(
            "I18-pipeline-mixed",
            follow % 0
            + post(sized(b"hello"), b"hello", target=b"/c/" + MARK + b"?1")
            + follow % 2
            + post(CHUNKED, chunk(b"hey") + b"0\r\n\r\n", target=b"/c/" + MARK + b"?3"),
            in_order(200, 200, 200, 200),
            ends="keep",
            check=in_that_order,
        ),
        Case(
            "I18-pipeline-local-between",
            follow % 0 + request(target=b"/local") + follow % 1,
            in_order(200, 200, 200),
            ends="keep",
            check=in_that_order,
        ),
        Case(
            "I18-pipeline-close-inside",
            follow % 0 + request(target=b"/c/" + MARK + b"?1", fields=b"Connection: close\r\n") + SMUGGLED,
            in_order(200, 200),
            ends="close",
        ),
        good("I21-range-on-post", post(b"Range: bytes=0-1\r\n" + sized(b"hello"), b"hello"), body_is(b"hello")),
        Case("I10-http10-plain", request(version=b"HTTP/1.0"), one_of(200), ends="close"),
        Case("I10-http10-keep-alive", request(version=b"HTTP/1.0", fields=b"Connection: keep-alive\r\n"), one_of(200)),
    ]


def in_that_order(requests, answers):
    assert [int(one.target[-1]) for one in requests] == list(range(len(requests))), [one.target for one in requests]
    ids = [one.fields["x-request-id"] for one in requests if "x-request-id" in one.fields]
    assert len(set(ids)) == len(ids), "request ids repeat"
