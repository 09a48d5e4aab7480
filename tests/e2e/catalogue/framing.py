"""Framing fields: rows F1 to F15. (Bodies: bodies.py)"""

from __future__ import annotations

from catalogue.case import (
    CHUNKED,
    SMUGGLED,
    Case,
    all_of,
    bad,
    body_is,
    chunk,
    good,
    lacks,
    maybe,
    post,
    request,
    sized,
)

HELLO = chunk(b"hello") + b"0\r\n\r\n"
TRAP = b"0\r\n\r\n" + SMUGGLED


def te(value: bytes, fields: bytes = b"") -> bytes:
    """A POST with that Transfer-Encoding and a chunked body, a request hidden behind it."""
    return post(b"Transfer-Encoding:" + value + b"\r\n" + fields, HELLO + SMUGGLED)


def transfer_encodings() -> list[Case]:
    cases = [
        bad("F1-length-then-chunked", post(b"Content-Length: 5\r\n" + CHUNKED, TRAP)),
        bad("F1-chunked-then-length", post(CHUNKED + b"Content-Length: 5\r\n", TRAP)),
        bad("F1-length-0-and-chunked", post(b"Content-Length: 0\r\n" + CHUNKED, TRAP)),
    ]
    for name, value in (
        ("gzip", b" gzip"),
        ("xchunked", b" xchunked"),
        ("identity", b" identity"),
        ("empty", b""),
        ("blank", b"  "),
        ("quoted", b' "chunked"'),
        ("chunkedx", b" chunkedx"),
    ):
        cases.append(bad(f"F2-{name}", te(value), 501, 400))
    cases += [
        bad("F3-gzip-then-length", post(b"Transfer-Encoding: gzip\r\n" + sized(b"hello"), b"hello" + SMUGGLED)),
        bad("F3-length-then-gzip", post(sized(b"hello") + b"Transfer-Encoding: gzip\r\n", b"hello" + SMUGGLED)),
    ]
    for name, value in (
        ("gzip-last", b" chunked, gzip"),
        ("twice", b" chunked, chunked"),
        ("parameter", b" chunked;x=1"),
        ("two-words", b" chunked foo"),
        ("semicolon", b" chunked;"),
    ):
        cases.append(bad(f"F4-{name}", te(value)))
    cases.append(bad("F5-gzip-chunked", te(b" gzip, chunked"), 501))
    for first, second in (
        (b"chunked", b"chunked"),
        (b"gzip", b"chunked"),
        (b"chunked", b"gzip"),
        (b"identity", b"chunked"),
        (b"chunked", b"identity"),
        (b"chunked", b""),
    ):
        name = f"F6-{first.decode()}-{second.decode() or 'empty'}"
        cases.append(bad(name, te(b" " + first, b"Transfer-Encoding: " + second + b"\r\n")))
    cases.append(bad("F6-apart", te(b" chunked", b"X-Between: 1\r\ntransfer-encoding: chunked\r\n")))
    cases.append(bad("F7-http10", post(CHUNKED, HELLO + SMUGGLED, version=b"HTTP/1.0")))
    for name, value in (
        ("leading-comma", b" ,chunked"),
        ("trailing-comma", b" chunked,"),
        ("tab", b"\tchunked"),
        ("case", b" cHuNkEd"),
        ("space-behind", b" chunked "),
        ("no-space", b"chunked"),
    ):
        cases.append(
            maybe(f"F8-{name}", post(b"Transfer-Encoding:" + value + b"\r\n", HELLO), 400, check=body_is(b"hello"))
        )
    for name, byte in (
        ("vt", b"\x0b"),
        ("ff", b"\x0c"),
        ("nul", b"\0"),
        ("85", b"\x85"),
        ("a0", b"\xa0"),
        ("ff-byte", b"\xff"),
    ):
        cases += [
            bad(f"F9-{name}-before", te(b" " + byte + b"chunked")),
            bad(f"F9-{name}-behind", te(b" chunked" + byte)),
        ]
    return cases


def folds_and_lengths() -> list[Case]:
    cases = [
        bad("F10-te", te(b"\r\n chunked")),
        bad("F10-te-tab", te(b"\r\n\tchunked")),
        bad("F10-te-behind", te(b" chunked\r\n , gzip")),
        bad("F10-length", post(b"Content-Length:\r\n 5\r\n", b"hello" + SMUGGLED)),
        bad("F10-length-behind", post(b"Content-Length: 5\r\n 0\r\n", b"hello" + SMUGGLED)),
        bad("F10-other", request(fields=b"X-Folded: a\r\n b\r\n") + SMUGGLED),
        bad("F10-empty-fold", request(fields=b"X-Folded: a\r\n \r\n") + SMUGGLED),
    ]
    two = (
        ("F11-two-lines", b"Content-Length: 5\r\nContent-Length: 6\r\n"),
        ("F11-two-lines-0", b"Content-Length: 0\r\nContent-Length: 5\r\n"),
        ("F11-list", b"Content-Length: 5, 6\r\n"),
        ("F12-two-lines", b"Content-Length: 5\r\nContent-Length: 5\r\n"),
        ("F12-list", b"Content-Length: 5, 5\r\n"),
        ("F12-list-tight", b"Content-Length: 5,5\r\n"),
    )
    cases += [bad(name, post(lines, b"hello" + SMUGGLED)) for name, lines in two]
    for value in (
        b"+5",
        b"-1",
        b"-0",
        b"0x5",
        b"0o5",
        b"1_0",
        b"1Z",
        b"1 0",
        b"",
        b" ",
        b"5.0",
        b"5e0",
        b"5;",
        b"'5'",
        b"9223372036854775808",
        b"18446744073709551616",
        b"18446744073709551621",
        b"1" * 40,
        b"\xb2",
        b"5\x0b",
        b"5\0",
        b"5\xa0",
    ):
        printable = value.decode("latin-1").encode("unicode_escape").decode().replace(" ", "sp") or "empty"
        name = f"F13-{len(value)}-{printable[:20]}"
        cases.append(bad(name, post(b"Content-Length: " + value + b"\r\n", b"hello" + SMUGGLED)))
    cases += [
        maybe("F14-005", post(b"Content-Length: 005\r\n", b"hello"), 400, check=body_is(b"hello")),
        maybe("F14-00", post(b"Content-Length: 00\r\n"), 400, check=body_is(b"")),
        bad("F15-content_length", post(b"Content_Length: 5\r\n", SMUGGLED)),
        bad("F15-transfer_encoding", post(b"Transfer_Encoding: chunked\r\n", TRAP)),
        bad("F15-any", request(fields=b"X_Any: 1\r\n") + SMUGGLED),
        bad("F15-x85", post(b"Content-Length\x85: 5\r\n", b"hello" + SMUGGLED)),
        good("F15-drop-any", request(fields=b"X_Any: 1\r\n"), lacks("x_any", "x-any"), listener="loose"),
        good(
            "F15-drop-length",
            post(b"Content_Length: 7\r\n"),
            all_of(lacks("content_length"), body_is(b"")),
            listener="loose",
        ),
        good(
            "F15-drop-te",
            post(b"Transfer_Encoding: chunked\r\n" + sized(b"hello"), b"hello"),
            all_of(lacks("transfer_encoding"), body_is(b"hello")),
            listener="loose",
        ),
    ]
    return cases


def all_cases() -> list[Case]:
    return transfer_encodings() + folds_and_lengths()
