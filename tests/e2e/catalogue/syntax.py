"""Syntax: rows S1 to S8."""

from __future__ import annotations

from catalogue.case import HOST, MARK, SMUGGLED, Case, bad, good, line, maybe, request

TARGET = b"/c/" + MARK


def fields(text: bytes) -> bytes:
    """A request with more lines behind Host, then a trap."""
    return request(fields=text) + SMUGGLED


def syntax() -> list[Case]:
    start = b"GET " + TARGET + b" HTTP/1.1"
    cases = [
        bad("S1-lf-request-line", start + b"\n" + HOST + b"\r\n" + SMUGGLED),
        bad("S1-cr-request-line", start + b"\r" + HOST + b"\r\n" + SMUGGLED),
        bad("S1-lf-field", fields(b"X-A: b\n")),
        bad("S1-cr-field", fields(b"X-A: b\rX-B: c\r\n")),
        bad("S1-lf-end", request()[:-2] + b"\n" + SMUGGLED),
        bad("S1-lf-lf-end", request()[:-4] + b"\n\n" + SMUGGLED),
        bad("S1-cr-cr-lf", fields(b"X-A: b\r\r\n")),
        bad("S1-cr-in-name", fields(b"X\r-A: b\r\n")),
        bad("S1-lf-in-name", fields(b"X\n-A: b\r\n")),
        bad("S1-cr-in-target", line(b"GET /c\r/x HTTP/1.1")),
        bad("S1-nul-in-name", fields(b"X\0A: b\r\n")),
    ]
    cases += [
        bad(f"S1-ctl-{byte:02x}", fields(b"X-A: b" + bytes([byte]) + b"c\r\n"))
        for byte in (0x00, 0x01, 0x08, 0x0B, 0x0C, 0x0E, 0x1B, 0x1F, 0x7F)
    ]
    cases.append(good("S1-fine-tab", request(fields=b"X-A: b\tc\r\n")))
    for name, text in (
        ("space-before-colon", b"X-A : b\r\n"),
        ("tab-before-colon", b"X-A\t: b\r\n"),
        ("length-space-colon", b"Content-Length : 5\r\n"),
        ("empty-name", b": v\r\n"),
        ("no-colon", b"novalue\r\n"),
        ("paren", b"X(A: b\r\n"),
        ("8-bit", b"X-\xe9: b\r\n"),
        ("space-inside", b"X A: b\r\n"),
        ("quote", b'X"A: b\r\n'),
        ("slash", b"X/A: b\r\n"),
        ("only-colon", b":\r\n"),
        ("at", b"X@A: b\r\n"),
        ("brace", b"X{A}: b\r\n"),
    ):
        cases.append(bad(f"S2-{name}", fields(text)))
    for name, lead in (
        ("space-first", b" X-First: 1\r\n"),
        ("tab-first", b"\tX-First: 1\r\n"),
        ("space-host-first", b" "),
    ):
        cases.append(bad(f"S2-{name}", start + b"\r\n" + lead + HOST + b"\r\n" + SMUGGLED))
    for name, text in (
        ("two-spaces", b"GET  " + TARGET + b" HTTP/1.1"),
        ("tab", b"GET\t" + TARGET + b" HTTP/1.1"),
        ("two-spaces-behind", b"GET " + TARGET + b"  HTTP/1.1"),
        ("space-first", b" " + start),
        ("tab-behind", b"GET " + TARGET + b"\tHTTP/1.1"),
        ("space-last", start + b" "),
        ("no-target", b"GET HTTP/1.1"),
        ("empty-target", b"GET  HTTP/1.1"),
        ("http09", b"GET " + TARGET),
        ("http09-space", b"GET " + TARGET + b" "),
        ("no-minor", b"GET " + TARGET + b" HTTP/1"),
        ("zeros", b"GET " + TARGET + b" HTTP/01.01"),
        ("lower", b"GET " + TARGET + b" http/1.1"),
        ("two-digits", b"GET " + TARGET + b" HTTP/1.10"),
        ("other-name", b"GET " + TARGET + b" HTTX/1.1"),
        ("comma", b"GET " + TARGET + b" HTTP/1,1"),
        ("extra-word", b"GET " + TARGET + b" x HTTP/1.1"),
        ("8-bit-method", b"G\xc9T " + TARGET + b" HTTP/1.1"),
        ("method-colon", b"GET: " + TARGET + b" HTTP/1.1"),
        ("version-x", b"GET " + TARGET + b" HTTP/1.x"),
    ):
        cases.append(bad(f"S3-{name}", line(text) + SMUGGLED))
    cases += [
        bad("S3-http20", line(b"GET " + TARGET + b" HTTP/2.0"), 505),
        maybe("S4-http12", line(b"GET " + TARGET + b" HTTP/1.2"), 505),
        good("S5-one-crlf", b"\r\n" + request()),
        bad("S5-two-crlf", b"\r\n\r\n" + request() + SMUGGLED),
        bad("S5-lf", b"\n" + request() + SMUGGLED),
        bad("S8-h2-preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0", 400, 505),
    ]
    for name, method in (("lower", b"get"), ("unknown", b"FOO"), ("odd", b"M-SEARCH"), ("32", b"A" * 32)):
        cases.append(maybe(f"S6-{name}", request(method), 405, 501, check=method_is(method.decode())))
    cases += [
        bad("S6-33", request(b"A" * 33) + SMUGGLED, 400, 501),
        bad("S6-100-kb", request(b"A" * 100_000) + SMUGGLED, 400, 501, 414),
    ]
    return cases


def limits() -> list[Case]:
    room = 8000 - len(b"GET  HTTP/1.1") - len(TARGET) - 1
    filler = b"".join(b"X-F%d: %s\r\n" % (number, b"y" * 7000) for number in range(5))
    count = b"".join(b"X-F%d: y\r\n" % number for number in range(100))
    return [
        good("S7-line-8000", request(target=TARGET + b"?" + b"q" * room)),
        bad("S7-line-over", request(target=TARGET + b"?" + b"q" * (room + 300)) + SMUGGLED, 414),
        bad("S7-line-path-over", request(target=TARGET + b"/" + b"q" * 9000) + SMUGGLED, 414),
        good("S7-field-20k", request(fields=b"X-Long: " + b"y" * 20_000 + b"\r\n")),
        bad("S7-block-over", request(fields=filler) + SMUGGLED, 431),
        bad("S7-field-over", request(fields=b"X-Long: " + b"y" * 33_000 + b"\r\n") + SMUGGLED, 431),
        good("S7-100-fields", request(fields=count[len(b"X-F0: y\r\n") :])),
        bad("S7-101-fields", request(fields=count) + SMUGGLED, 431),
    ]


def method_is(name: str):
    def check(requests, answers):
        assert [one.method for one in requests] in ([], [name]), requests

    return check


def all_cases() -> list[Case]:
    return syntax() + limits()
