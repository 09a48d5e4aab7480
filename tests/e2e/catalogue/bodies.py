"""Bodies: rows F16 to F29, those that are one connection's bytes (F22, F23, F29 have more in test_h1_framing.py)."""

from __future__ import annotations

from catalogue.case import (
    CHUNKED,
    EVIL,
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
    maybe,
    one_of,
    post,
    request,
    sized,
)

HELLO = chunk(b"hello") + b"0\r\n\r\n"
TRAP = b"0\r\n\r\n" + SMUGGLED


def chunked(body: bytes) -> bytes:
    return post(CHUNKED, body)


def broken_chunks(name: str, body: bytes, *statuses: int, fin: bool = False) -> Case:
    """The head may have gone on; the message never becomes complete."""
    return bad(name, chunked(body), *statuses, partial=True, fin=fin)


def chunks() -> list[Case]:
    tail = b"\r\nhello\r\n0\r\n\r\n" + SMUGGLED
    cases = []
    for name, size in (
        ("0x5", b"0x5"),
        ("plus", b"+5"),
        ("minus", b"-5"),
        ("underscore", b"5_0"),
        ("space-before", b" 5"),
        ("space-behind", b"5 "),
        ("tab-behind", b"5\t"),
        ("empty", b""),
        ("word", b"g"),
        ("17-digits", b"0" * 16 + b"5"),
        ("2-63", b"8000000000000000"),
        ("2-64-1", b"f" * 16),
        ("2-64", b"1" + b"0" * 16),
        ("2-64-5", b"1" + b"0" * 15 + b"5"),
        ("comma", b"5,5"),
        ("nul", b"5\0"),
    ):
        cases.append(broken_chunks(f"F16-{name}", size + tail))
    cases += [
        good(f"F16-fine-{name}", chunked(body), body_is(want))
        for name, body, want in (
            ("hex", b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
            ("lower", b"a\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
            ("zeros", b"005\r\nhello\r\n000\r\n\r\n", b"hello"),
            ("two", chunk(b"hel") + HELLO, b"helhello"),
            ("none", b"0\r\n\r\n", b""),
        )
    ]
    for name, extension in (
        ("token", b";a=b"),
        ("bare", b";a"),
        ("quoted", b';a="q;x"'),
        ("two", b";a=b;c"),
        ("200-bytes", b";a=" + b"x" * 200),
    ):
        cases.append(
            good(
                f"F17-{name}",
                chunked(b"5" + extension + b"\r\nhello\r\n0" + extension + b"\r\n\r\n"),
                body_is(b"hello"),
            )
        )
    cases += [
        broken_chunks("F17-over-256", b"5;a=" + b"x" * 300 + tail),
        broken_chunks("F17-over-8k", (b"1;a=" + b"x" * 200 + b"\r\nh\r\n") * 50 + TRAP),
    ]
    for name, extension in (
        ("cr", b";a\rb"),
        ("lf", b";a\nb"),
        ("lf-end", b";a=b\n"),
        ("nul", b";a\0b"),
        ("lone", b";"),
        ("no-name", b";=b"),
        ("open-quote", b';a="b'),
        ("vt", b";a\x0b"),
        ("bad-token", b";a(b"),
    ):
        cases.append(broken_chunks(f"F18-{name}", b"5" + extension + tail))
    cases += [
        broken_chunks("F18-term-ext", b"5;\n" + b"hello\r\n" + TRAP),
        broken_chunks("F18-ext-cr-term", b"5;a\r\rhello\r\n" + TRAP),
    ]
    for name, body in (
        ("longer", b"5\r\nhelloX\r\n"),
        ("any-2-bytes", b"5\r\nhello!!"),
        ("nothing", b"5\r\nhello"),
        ("cr-only", b"5\r\nhello\rX"),
        ("lfcr", b"5\r\nhello\n\r"),
        ("spill", b"3\r\nhello\r\n"),
    ):
        cases.append(broken_chunks(f"F19-{name}", body + b"0\r\n\r\n" + SMUGGLED))
    for name, body in (
        ("size", b"5\nhello\r\n0\r\n\r\n"),
        ("chunk", b"5\r\nhello\n0\r\n\r\n"),
        ("trailer", chunk(b"hello") + b"0\r\nX-T: y\n\r\n"),
        ("last", chunk(b"hello") + b"0\n\r\n"),
        ("end", chunk(b"hello") + b"0\r\n\n"),
        ("both", b"5\nhello\n0\n\n"),
        ("cr", b"5\rhello\r\n0\r\n\r\n"),
        ("trailer-cr", chunk(b"hello") + b"0\r\nX-T: y\r\r\n"),
    ):
        cases.append(broken_chunks(f"F20-{name}", body + SMUGGLED))
    return cases


def trailers_and_ends() -> list[Case]:
    cases = []
    for name in (
        "Content-Length",
        "Transfer-Encoding",
        "Host",
        "Authorization",
        "Cookie",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "Forwarded",
        "X-User",
        "Connection",
        "Content-Type",
        "X-Request-Id",
        "Trailer",
    ):
        value = {"Content-Length": b"3", "Transfer-Encoding": b"gzip"}.get(name, b"evil-trailer")
        cases.append(
            good(
                f"F21-{name.lower()}",
                chunked(chunk(b"hello") + b"0\r\n" + name.encode() + b": " + value + b"\r\n\r\n"),
                all_of(body_is(b"hello"), no_value(value.decode(), name)),
            )
        )
    many = b"".join(b"X-T%d: y\r\n" % number for number in range(65))
    cases += [
        broken_chunks("F22-65-fields", chunk(b"hello") + b"0\r\n" + many + b"\r\n" + SMUGGLED, 431),
        broken_chunks("F22-9000-bytes", chunk(b"hello") + b"0\r\nX-T: " + b"y" * 9000 + b"\r\n\r\n" + SMUGGLED, 431),
        good(
            "F22-64-fields",
            chunked(chunk(b"hello") + b"0\r\n" + many[len(b"X-T0: y\r\n") :] + b"\r\n"),
            body_is(b"hello"),
        ),
        bad("F20-trailer-bad-name", chunked(chunk(b"hello") + b"0\r\nX T: y\r\n\r\n" + SMUGGLED), partial=True),
        bad("F20-trailer-fold", chunked(chunk(b"hello") + b"0\r\nX-T: y\r\n z\r\n\r\n" + SMUGGLED), partial=True),
        broken_chunks("F23-no-last-chunk", chunk(b"hello"), fin=True),
        broken_chunks("F23-inside-chunk", b"5\r\nhel", fin=True),
        broken_chunks("F23-inside-size", chunk(b"hello") + b"1", fin=True),
        broken_chunks("F23-before-end", chunk(b"hello") + b"0\r\n", fin=True),
        bad("F23-under-send", post(b"Content-Length: 10\r\n", b"hello"), partial=True, fin=True),
        bad("F23-nothing-sent", post(b"Content-Length: 10\r\n"), partial=True, fin=True),
    ]
    for method in ("GET", "HEAD", "OPTIONS", "DELETE"):
        head = method.encode()
        cases += [
            maybe(
                f"F24-{method.lower()}-length",
                request(head, fields=sized(b"hello"), body=b"hello"),
                400,
                check=body_is(b"hello"),
                methods=(method,),
            ),
            maybe(
                f"F24-{method.lower()}-chunked",
                request(head, fields=CHUNKED, body=HELLO),
                400,
                check=body_is(b"hello"),
                methods=(method,),
            ),
            maybe(
                f"F24-{method.lower()}-smuggle",
                request(head, fields=sized(SMUGGLED), body=SMUGGLED),
                400,
                check=contains_whole_body,
                methods=(method,),
                evil_in_body=True,
            ),
        ]
    cases += [
        good("F25-no-framing", post(b""), body_is(b"")),
        Case("F26-after-close", request(fields=b"Connection: close\r\n") + SMUGGLED, one_of(200), ends="close"),
        Case(
            "F26-garbage-after-close",
            request(fields=b"Connection: close\r\n") + b"\0\xff garbage " + EVIL,
            one_of(200),
            ends="close",
        ),
        Case(
            "F26-body-then-close",
            post(b"Connection: close\r\n" + sized(b"hello"), b"hello" + SMUGGLED),
            one_of(200),
            ends="close",
            check=body_is(b"hello"),
        ),
    ]
    second = b"GET /bad/" + EVIL + b" HTTP/1.1\r\n" + HOST
    for name, broken in (
        ("bad-field", second + b"Bad Field: x\r\n\r\n"),
        ("no-host", second.replace(HOST, b"") + b"\r\n"),
        ("both-framings", second + b"Content-Length: 1\r\n" + CHUNKED + b"\r\n0\r\n\r\n"),
        ("garbage", b"\x16\x03\x01" + EVIL + b"\r\n\r\n"),
    ):
        cases.append(Case(f"F27-{name}", request() + broken, in_order(200, 400), ends="close"))
    return cases + desyncs()


def no_value(value: str, name: str):
    def check(requests, answers):
        for one in requests:
            assert value not in one.fields.all(name), f"trailer {name} was merged into the headers"
            assert name not in one.trailers, f"trailer {name} was forwarded"

    return check


def contains_whole_body(requests, answers):
    for one in requests:
        assert len(one.body) == len(SMUGGLED) and one.body.startswith(b"GET /bad/E"), one.body


def desyncs() -> list[Case]:
    follow = b"GET /c/" + MARK + b"?second HTTP/1.1\r\n" + HOST + b"\r\n"
    expect = b"Expect: 100-continue\r\n"
    return [
        Case("F28-length-0-then-request", post(b"Content-Length: 0\r\n") + follow, in_order(200, 200), ends="keep"),
        Case("F28-no-length-then-request", post(b"") + follow, in_order(200, 200), ends="keep"),
        Case("F28-chunked-0-then-request", chunked(b"0\r\n\r\n") + follow, in_order(200, 200), ends="keep"),
        Case("F28-cl-0", post(sized(SMUGGLED), SMUGGLED) + follow, in_order(200, 200), ends="keep", evil_in_body=True),
        Case(
            "F28-chunked-body-is-request",
            chunked(chunk(SMUGGLED) + b"0\r\n\r\n") + follow,
            in_order(200, 200),
            ends="keep",
            evil_in_body=True,
        ),
        Case(
            "F28-expect-and-length",
            post(expect + sized(SMUGGLED), SMUGGLED) + follow,
            in_order(200, 200),
            ends="keep",
            evil_in_body=True,
        ),
        Case(
            "F28-expect-and-length-0", post(expect + b"Content-Length: 0\r\n") + follow, in_order(200, 200), ends="keep"
        ),
        Case(
            "F28-expect-get",
            request(fields=expect + sized(SMUGGLED), body=SMUGGLED),
            one_of(200, 400),
            evil_in_body=True,
        ),
        Case("F28-expect-obfuscated", post(b"Expect: y 100-continue\r\n" + sized(SMUGGLED), SMUGGLED), one_of(417)),
        Case("F29-local-answer-small-body", post(sized(SMUGGLED), SMUGGLED, target=b"/local"), one_of(200)),
        Case(
            "F29-local-answer-chunked-body",
            post(CHUNKED, chunk(SMUGGLED) + b"0\r\n\r\n", target=b"/local"),
            one_of(200),
        ),
        Case(
            "F29-local-error-body",
            post(sized(SMUGGLED), SMUGGLED, target=b"/nowhere", host=b"Host: b.test\r\n"),
            one_of(404),
        ),
    ]


def all_cases() -> list[Case]:
    return chunks() + trailers_and_ends()
