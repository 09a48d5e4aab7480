"""Catalogue 2.4 as data: the header block (and what follows it), and the outcome that is required.

MARK stands in requests that may reach the origin; a request that is refused leaves no trace of it there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable

from harness.h2_client import DATA, END_STREAM, PROTOCOL_ERROR, as_bytes, make_frame

MARK = b"T000000000"
PATH = b"/c/" + MARK


@dataclass(frozen=True)
class H2Case:
    """`pairs`: the head; `body`: DATA payloads, the last with END_STREAM; `trailers`: behind them.

    `outcome`: "ok" (200 from the origin), "reset" (RST_STREAM PROTOCOL_ERROR), "refused" (the same, or one of
    `statuses` from postern), "either" (refused or ok). Whatever it is, the connection goes on.
    """

    id: str
    pairs: tuple
    outcome: str = "reset"
    statuses: tuple[int, ...] = (400,)
    body: tuple[bytes, ...] | None = None
    trailers: tuple | None = None
    check: Callable | None = None
    listener: str = "h2c"
    partial: bool = False  # its start may reach the origin, never its end
    promised: bytes | None = None  # exactly this may: what content-length promised, passed on before the rest came
    frames: tuple[tuple[int, int, bytes], ...] = field(default=())


def head(method=b"GET", path=PATH, scheme=b"http", authority=b"a.test", more=()) -> tuple:
    named = ((b":method", method), (b":scheme", scheme), (b":authority", authority), (b":path", path))
    return tuple((name, value) for name, value in named if value is not None) + tuple(more)


def with_field(name, value) -> tuple:
    return head(more=((as_bytes(name), as_bytes(value)),))


def bytes_in_fields() -> list[H2Case]:
    """H1: what must never reach an HTTP/1 serialiser."""
    cases = []
    for label, byte in (("cr", b"\r"), ("lf", b"\n"), ("nul", b"\0"), ("crlf", b"\r\nX-Evil: 1")):
        cases += [
            H2Case(f"H1-value-{label}", with_field("x-a", b"a" + byte + b"b")),
            H2Case(f"H1-value-end-{label}", with_field("x-a", b"a" + byte)),
            H2Case(f"H1-name-{label}", with_field(b"x" + byte + b"a", "b")),
            H2Case(f"H1-path-{label}", head(path=PATH + byte), "refused"),
            H2Case(f"H1-method-{label}", head(method=b"GET" + byte), "refused"),
            H2Case(f"H1-authority-{label}", head(authority=b"a.test" + byte), "refused"),
            H2Case(f"H1-scheme-{label}", head(scheme=b"http" + byte), "refused"),
            H2Case(f"H1-pseudo-name-{label}", head(more=((b":path" + byte, b"/"),))),
        ]
    for label, name in (("upper", b"X-Upper"), ("one-upper", b"x-uPper"), ("empty", b""), ("space", b"x a")):
        cases.append(H2Case(f"H1-name-{label}", with_field(name, "b")))
    for label, name in (("colon", b"x:a"), ("high", b"x\xe9"), ("del", b"x\x7f"), ("trailing-colon", b"x-a:")):
        cases.append(H2Case(f"H1-name-{label}", with_field(name, "b")))
    for label, value in (("leading-space", b" a"), ("trailing-space", b"a "), ("leading-tab", b"\ta"), ("tab", b"a\t")):
        cases.append(H2Case(f"H1-value-{label}", with_field("x-a", value)))
    cases += [
        H2Case("H1-value-empty", with_field("x-a", ""), "ok"),
        H2Case("H1-value-tab-inside", with_field("x-a", b"a\tb"), "ok"),
        H2Case("H1-value-high", with_field("x-a", b"caf\xe9"), "ok", check=has("x-a", "caf\xe9")),
        H2Case("H1-value-ctl", with_field("x-a", b"a\x01b"), "refused"),
        H2Case("H1-value-del", with_field("x-a", b"a\x7fb"), "refused"),
        H2Case("H1-underscore", with_field("x_a", "b"), "refused"),
        H2Case("H1-underscore-dropped", with_field("x_a", "b"), "ok", listener="loose", check=lacks("x_a")),
    ]
    return cases


def targets() -> list[H2Case]:
    """H2: :path, :method, :scheme, :authority."""
    cases = []
    for label, path in (
        ("relative", b"c/" + MARK),
        ("empty", b""),
        ("absolute", b"http://a.test/c/" + MARK),
        ("asterisk-get", b"*"),
        ("space", PATH + b" x"),
        ("http11", PATH + b" HTTP/1.1"),
        ("fragment", PATH + b"#x"),
        ("ctl", PATH + b"\x01"),
        ("del", PATH + b"\x7f"),
        ("high", PATH + b"\xe9"),
        ("nul-encoded", PATH + b"/%00"),
        ("bad-escape", PATH + b"/%zz"),
        ("encoded-slash", PATH + b"/%2fx"),
        ("backslash", PATH + b"\\x"),
    ):
        cases.append(H2Case(f"H2-path-{label}", head(path=path), "refused"))
    cases += [
        H2Case("H2-path-dots", head(path=b"/c/x/../" + MARK), "ok"),
        H2Case("H2-path-query", head(path=PATH + b"?a=//b/../%2f"), "ok"),
        H2Case("H2-path-above-root", head(path=b"/../../c/" + MARK), "either"),
    ]
    for label, method in (("empty", b""), ("space", b"GE T"), ("slash", b"GET/"), ("colon", b"G:"), ("high", b"G\xe9")):
        cases.append(H2Case(f"H2-method-{label}", head(method=method), "refused"))
    cases += [
        H2Case("H2-method-smuggle", head(method=b"GET /bad HTTP/1.1"), "refused"),
        H2Case("H2-method-trace", head(method=b"TRACE"), "refused", statuses=(405,)),
        H2Case("H2-method-connect", ((b":method", b"CONNECT"), (b":authority", b"a.test:443")), "refused",
               statuses=(405, 501, 400)),
        H2Case("H2-method-own", head(method=b"BREW-1"), "ok"),
    ]
    for label, scheme in (("ftp", b"ftp"), ("empty", b""), ("space", b"http "), ("smuggle", b"http://evil/?")):
        cases.append(H2Case(f"H2-scheme-{label}", head(scheme=scheme), "refused", statuses=(400, 421)))
    for label, authority in (
        ("userinfo", b"u@a.test"),
        ("slash", b"a.test/x"),
        ("comma", b"a.test,b.test"),
        ("space", b"a .test"),
        ("port-text", b"a.test:x"),
        ("port-high", b"a.test:65536"),
        ("brackets", b"[::1"),
        ("empty", b""),
        ("question", b"a.test?x"),
        ("hash", b"a.test#x"),
        ("backslash", b"a.test\\x"),
        ("high", b"a.t\xe9st"),
        ("two-ports", b"a.test:1:2"),
    ):
        cases.append(H2Case(f"H2-authority-{label}", head(authority=authority), "refused", statuses=(400, 421)))
    cases += [
        H2Case("H2-authority-port", head(authority=b"a.test:8080"), "ok", check=has("host", "a.test:8080")),
        H2Case("H2-authority-v6", head(authority=b"[::1]:8080"), "ok"),
        H2Case("H2-authority-upper", head(authority=b"A.TEST"), "ok"),
    ]
    return cases


def pseudo() -> list[H2Case]:
    """H3: duplicate, unknown, late and missing pseudo-header fields."""
    cases = []
    for name, value in ((b":method", b"GET"), (b":path", PATH), (b":scheme", b"http"), (b":authority", b"a.test")):
        label = name[1:].decode()
        without = tuple(one for one in head() if one[0] != name)
        cases += [
            H2Case(f"H3-duplicate-{label}", head(more=((name, value),))),
            H2Case(f"H3-late-{label}", (*without, (b"x-a", b"b"), (name, value))),
            H2Case(f"H3-in-trailers-{label}", head(b"POST"), body=(b"x",), trailers=((name, value),), partial=True),
        ]
        if label != "authority":
            cases.append(H2Case(f"H3-missing-{label}", without))
    cases += [
        H2Case("H3-no-authority-no-host", head(authority=None), "refused"),
        H2Case("H3-host-only", head(authority=None, more=((b"host", b"a.test"),)), "ok", check=has("host", "a.test")),
        H2Case("H3-unknown", head(more=((b":evil", b"x"),))),
        H2Case("H3-unknown-first", ((b":evil", b"x"), *head())),
        H2Case("H3-status", head(more=((b":status", b"200"),))),
        H2Case("H3-protocol-on-get", head(more=((b":protocol", b"websocket"),))),
        H2Case("H3-bare-colon", head(more=((b":", b"x"),))),
        H2Case("H3-order-any", tuple(reversed(head())), "ok"),
        H2Case("H3-trailers-without-end", head(b"POST"), body=(b"x",), trailers=((b"x-checksum", b"1"),), partial=True,
               frames=((0x1, 0x4, b""),)),
    ]
    return cases


def agreement() -> list[H2Case]:
    """H4: :authority and host; H5: fields of a connection."""
    cases = [
        H2Case("H4-host-differs", head(more=((b"host", b"b.test"),)), "refused"),
        H2Case("H4-host-port-differs", head(more=((b"host", b"a.test:81"),)), "refused"),
        H2Case("H4-host-twice", head(more=((b"host", b"a.test"), (b"host", b"a.test"))), "refused"),
        H2Case("H4-host-same", head(more=((b"host", b"a.test"),)), "ok", check=has("host", "a.test")),
        H2Case("H4-host-only-twice", head(authority=None, more=((b"host", b"a.test"), (b"host", b"b.test"))), "refused"),
        H2Case("H5-te-trailers", with_field("te", "trailers"), "ok"),
    ]
    for name, value in (
        ("connection", "close"),
        ("connection", "keep-alive, x-a"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("transfer-encoding", "identity"),
        ("upgrade", "h2c"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
        ("te", "trailers, gzip"),
    ):
        cases.append(H2Case(f"H5-{name}-{value.replace(', ', '-')}", with_field(name, value)))
    for name in ("trailer", "proxy-authorization", "proxy-authenticate"):
        cases.append(H2Case(f"H5-dropped-{name}", with_field(name, "x"), "either", check=lacks(name)))
    return cases


def lengths() -> list[H2Case]:
    """H6: content-length and what DATA really brings; H7: without a length."""

    def sized(*values) -> tuple:
        return head(b"POST", more=tuple((b"content-length", value) for value in values))

    return [
        H2Case("H6-too-much", sized(b"3"), body=(b"abcd",), partial=True),
        H2Case("H6-too-much-later", sized(b"3"), body=(b"abc", b"d"), partial=True, promised=b"abc"),
        H2Case("H6-too-little", sized(b"5"), body=(b"abcd",), partial=True),
        H2Case("H6-too-little-later", sized(b"5"), body=(b"ab", b"cd"), partial=True),
        H2Case("H6-on-headers", sized(b"5"), partial=True),
        H2Case("H6-on-trailers", sized(b"5"), body=(b"abcd",), trailers=((b"x-checksum", b"1"),), partial=True),
        H2Case("H6-empty-data", sized(b"5"), body=(b"",), partial=True),
        H2Case("H6-twice-same", sized(b"4", b"4"), "refused", body=(b"abcd",), partial=True),
        H2Case("H6-twice-different", sized(b"4", b"5"), "refused", body=(b"abcd",), partial=True),
        H2Case("H6-list", sized(b"4, 4"), "refused", body=(b"abcd",), partial=True),
        H2Case("H6-plus", sized(b"+4"), "refused", body=(b"abcd",), partial=True),
        H2Case("H6-negative", sized(b"-4"), "refused", body=(b"abcd",), partial=True),
        H2Case("H6-hex", sized(b"0x4"), "refused", body=(b"abcd",), partial=True),
        H2Case("H6-huge", sized(b"99999999999999999999"), "refused", body=(b"abcd",), partial=True),
        H2Case("H6-empty", sized(b""), "refused", body=(b"abcd",), partial=True),
        H2Case("H6-right", sized(b"4"), "ok", body=(b"ab", b"", b"cd"), check=body_is(b"abcd", "length")),
        H2Case("H6-zero", sized(b"0"), "ok", check=body_is(b"")),
        H2Case("H6-zero-empty-data", sized(b"0"), "ok", body=(b"",), check=body_is(b"")),
        H2Case("H6-get-with-body", head(more=((b"content-length", b"4"),)), "ok", body=(b"abcd",), check=body_is(b"abcd")),
        H2Case("H7-chunked", head(b"POST"), "ok", body=(b"ab", b"cd"), check=body_is(b"abcd", "chunked")),
        H2Case("H7-looks-chunked", head(b"POST"), "ok", body=(b"0\r\n\r\n",), check=body_is(b"0\r\n\r\n", "chunked")),
        H2Case("H7-post-without-body", head(b"POST"), "ok", check=body_is(b"")),
        H2Case("H7-trailers", head(b"POST"), "ok", body=(b"ab",), trailers=((b"x-checksum", b"1"),),
               check=body_is(b"ab", "chunked")),
        H2Case("H7-trailers-forbidden", head(b"POST"), "either", body=(b"ab",),
               trailers=((b"content-length", b"9"), (b"host", b"evil.test"), (b"x-other", b"1")),
               check=lacks("x-other"), partial=True),
    ]


def cookies() -> list[H2Case]:
    """H8: crumbs are one field again."""
    crumbs = ((b"cookie", b"a=1"), (b"x-a", b"b"), (b"cookie", b"b=2"), (b"cookie", b"c=3"))
    return [
        H2Case("H8-crumbs", head(more=crumbs), "ok", check=has("cookie", "a=1; b=2; c=3")),
        H2Case("H8-one", with_field("cookie", "a=1; b=2"), "ok", check=has("cookie", "a=1; b=2")),
    ]


def priorities() -> list[H2Case]:
    """H14: both kinds of priorities change nothing."""
    return [
        H2Case("H14-header", with_field("priority", "u=0, i"), "ok"),
        H2Case("H14-header-nonsense", with_field("priority", "u=99;;;, =,x" * 20), "ok"),
        H2Case("H14-frame", head(), "ok", frames=((0x2, 0, b"\0\0\0\0\x10"),)),
        H2Case("H14-update-frame", head(), "ok", frames=((0x10, 0, b"\0\0\0\x01u=0"),)),
        H2Case("H15-unknown-frame", head(), "ok", frames=((0xB7, 0xFF, b"whatever"),)),
    ]


def identity() -> list[H2Case]:
    """I2 and I4: forged fields are gone, ours stand there once."""
    names = (b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip", b"forwarded")
    forged = tuple((name, b"6.6.6.6") for name in names)

    def check(request, answer):
        assert b"6.6.6.6" not in request.head, request.head
        assert request.fields.all("x-forwarded-for") == ["127.0.0.1"], request.head

    return [H2Case("I2-forged", head(more=forged + forged[:2]), "ok", check=check)]


def body_is(expected: bytes, framing: str | None = None) -> Callable:
    def check(request, answer):
        assert request.body == expected and request.complete, request
        assert framing is None or request.framing == framing, request.head

    return check


def has(name: str, value: str) -> Callable:
    def check(request, answer):
        assert request.fields.all(name) == [value], request.head

    return check


def lacks(*names: str) -> Callable:
    def check(request, answer):
        for name in names:
            assert name not in request.fields and name not in request.trailers, request

    return check


def all_cases() -> list[H2Case]:
    return [
        *bytes_in_fields(), *targets(), *pseudo(), *agreement(), *lengths(), *cookies(), *priorities(), *identity(),
    ]


def wire_frames(case: H2Case, stream: int) -> bytes:
    """The frames of the body; HEADERS are the client's."""
    out = b""
    for number, part in enumerate(case.body or ()):
        last = number == len(case.body) - 1 and case.trailers is None
        out += make_frame(DATA, END_STREAM if last else 0, stream, part)
    return out


__all__ = ["H2Case", "MARK", "PROTOCOL_ERROR", "all_cases", "wire_frames"]
