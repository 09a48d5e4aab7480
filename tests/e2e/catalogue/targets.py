"""Targets and Host: rows T1 to T10 and TRACE of I20 (T9 is in test_tls.py)."""

from __future__ import annotations

from catalogue.case import HOST, MARK, SMUGGLED, Case, bad, good, line, maybe, one_of, request, target_is

TARGET = b"/c/" + MARK


def hosts() -> list[Case]:
    cases = []
    for name, host in (
        ("none", b""),
        ("two", HOST + b"Host: b.test\r\n"),
        ("two-equal", HOST + HOST),
        ("list", b"Host: a.test, b.test\r\n"),
        ("empty", b"Host: \r\n"),
        ("userinfo", b"Host: user@a.test\r\n"),
        ("path", b"Host: a.test/x\r\n"),
        ("port-range", b"Host: a.test:99999\r\n"),
        ("port-word", b"Host: a.test:abc\r\n"),
        ("port-sign", b"Host: a.test:+80\r\n"),
        ("8-bit", b"Host: \xc3\xa9.test\r\n"),
        ("trailing-dot", b"Host: a.test.\r\n"),
        ("trailing-dot-port", b"Host: a.test.:80\r\n"),
        ("space", b"Host: a b\r\n"),
        ("open-bracket", b"Host: [::1\r\n"),
        ("bad-v6", b"Host: [xyz]\r\n"),
        ("scheme", b"Host: http://a.test\r\n"),
        ("query", b"Host: a.test?x\r\n"),
        ("fragment", b"Host: a.test#x\r\n"),
        ("backslash", b"Host: a.test\\x\r\n"),
        ("two-ports", b"Host: a.test:80:80\r\n"),
        ("only-port", b"Host: :80\r\n"),
        ("dot", b"Host: .\r\n"),
        ("space-colon", b"Host : a.test\r\n"),
    ):
        cases.append(bad(f"T1-{name}", request(host=host) + SMUGGLED))
    cases += [
        good(f"T1-fine-{name}", request(host=host))
        for name, host in (
            ("port", b"Host: a.test:8080\r\n"),
            ("upper", b"Host: A.TEST\r\n"),
            ("v4", b"Host: 127.0.0.1\r\n"),
            ("v6", b"Host: [::1]:8080\r\n"),
            ("spaces-around", b"Host: \t a.test \t\r\n"),
            ("lower-name", b"host:a.test\r\n"),
        )
    ]
    absolute = b"GET http://a.test" + TARGET + b" HTTP/1.1"
    cases += [
        bad("T2-mismatch", absolute + b"\r\nHost: b.test\r\n\r\n" + SMUGGLED),
        bad("T2-mismatch-port", absolute + b"\r\nHost: a.test:81\r\n\r\n" + SMUGGLED),
        bad("T2-no-host", absolute + b"\r\n\r\n" + SMUGGLED),
        good("T2-match", line(absolute), host_is("a.test")),
        good("T2-match-case", line(absolute.replace(b"a.test", b"A.Test")), host_is("a.test", "A.Test")),
        maybe(
            "T2-default-port",
            line(absolute.replace(b"a.test", b"a.test:80")),
            400,
            check=host_is("a.test", "a.test:80"),
        ),
        good("T2-match-query", line(absolute.replace(TARGET, TARGET + b"?q")), target_is("/c/T000000000?q")),
        bad("T2-empty-authority", line(b"GET http://" + TARGET + b" HTTP/1.1") + SMUGGLED),
        bad("T2-userinfo", line(absolute.replace(b"a.test", b"u@a.test")) + SMUGGLED),
        bad("T3-https", line(absolute.replace(b"http:", b"https:")) + SMUGGLED, 400, 421),
        bad("T3-ftp", line(absolute.replace(b"http:", b"ftp:")) + SMUGGLED, 400, 421),
    ]
    for name, text in (
        ("word", b"GET admin"),
        ("asterisk", b"GET *"),
        ("asterisk-path", b"OPTIONS */x"),
        ("connect-path", b"CONNECT /"),
        ("authority", b"GET a.test:80"),
        ("query-only", b"GET ?q"),
        ("dot", b"GET ."),
        ("asterisk-post", b"POST *"),
    ):
        cases.append(bad(f"T4-{name}", line(text + b" HTTP/1.1") + SMUGGLED))
    cases += [
        Case(
            "T5-options-asterisk",
            line(b"OPTIONS * HTTP/1.1"),
            one_of(200, 204),
            ends="keep",
            methods=("OPTIONS",),
            check=not_forwarded,
        ),
        Case(
            "T6-connect",
            line(b"CONNECT a.test:443 HTTP/1.1", b"Host: a.test:443\r\n"),
            one_of(405),
            methods=("CONNECT",),
            check=not_forwarded,
        ),
        Case("I20-trace", request(b"TRACE"), one_of(405), methods=("TRACE",), check=not_forwarded),
        Case(
            "I20-trace-max-forwards",
            request(b"TRACE", fields=b"Max-Forwards: 0\r\n"),
            one_of(405),
            methods=("TRACE",),
            check=not_forwarded,
        ),
    ]
    for name, authority in (("host", b"Host: a.test,b.test\r\n"), ("host-last", b"Host: a.test,\r\n")):
        cases.append(bad(f"T10-{name}", request(host=authority) + SMUGGLED))
    cases.append(
        bad("T10-absolute", line(b"GET http://a.test,b" + TARGET + b" HTTP/1.1", b"Host: a.test,b\r\n") + SMUGGLED)
    )
    return cases


def targets() -> list[Case]:
    cases = []
    for name, part in (
        ("fragment", b"#frag"),
        ("backslash", b"\\x"),
        ("01", b"\x01"),
        ("1f", b"\x1f"),
        ("0b", b"\x0b"),
        ("7f", b"\x7f"),
        ("80", b"\x80"),
        ("ff", b"\xff"),
        ("utf8", b"\xc3\xa9"),
        ("nul", b"\0"),
        ("query-fragment", b"?q#f"),
        ("query-8-bit", b"?\xe9"),
        ("query-backslash", b"?a\\b"),
    ):
        cases.append(bad(f"T7-{name}", request(target=TARGET + part) + SMUGGLED))
    for byte in b'"<>^`{|}':
        cases.append(maybe(f"T7-delimiter-{byte:02x}", request(target=TARGET + b"/" + bytes([byte])), 400))
    for name, part in (
        ("nul", b"%00"),
        ("zz", b"%zz"),
        ("one-digit", b"%4"),
        ("bare", b"%"),
        ("overlong-slash", b"%c0%af"),
        ("overlong-dot", b"%c0%ae"),
        ("overlong-3", b"%e0%80%af"),
        ("overlong-4", b"%f0%80%80%af"),
        ("encoded-slash", b"%2fx"),
        ("encoded-slash-upper", b"%2Fx"),
        ("dots-encoded-slash", b"..%2fx"),
        ("u", b"%u002f"),
    ):
        cases.append(bad(f"T8-{name}", request(target=TARGET + b"/" + part) + SMUGGLED, 400))
    cases.append(
        good(
            "T8-encoded-slash-keep",
            request(target=TARGET + b"/%2Fx"),
            target_is("/c/T000000000/%2Fx", "/c/T000000000/%2fx"),
            listener="loose",
        )
    )
    mark = b"/" + MARK
    for name, target, *allowed in (
        ("dots", b"/c/x/.." + mark, "/c/T000000000"),
        ("encoded-dots", b"/c/x/%2e%2E" + mark, "/c/T000000000"),
        ("half-encoded-dots", b"/c/x/.%2e" + mark, "/c/T000000000"),
        ("dot", b"/c/./." + mark, "/c/T000000000"),
        ("dots-end", b"/c" + mark + b"/x/..", "/c/T000000000/"),
        ("slashes", b"//c///" + MARK, "/c/T000000000"),
        ("unreserved", b"/%63" + mark, "/c/T000000000"),
        ("query-kept", b"/c" + mark + b"?a=//b/../%2f%20", "/c/T000000000?a=//b/../%2f%20"),
        ("space", b"/c" + mark + b"/a%20b", "/c/T000000000/a%20b"),
    ):
        cases.append(good(f"T8-{name}", request(target=target), target_is(*allowed)))
    cases.append(good("T8-slashes-keep", request(target=b"/c//" + MARK), target_is("/c//T000000000"), listener="loose"))
    for name in (b";x", b"%3Bx"):
        target = b"/c" + mark + name + b"/a"
        cases.append(bad(f"T8-parameter-{name.decode()}", request(target=target)))
        cases.append(good(f"T8-parameter-keep-{name.decode()}", request(target=target), target_is(target.decode()), listener="loose"))
    for name, target, *allowed in (
        ("above-root", b"/../../c" + mark, "/c/T000000000"),
        ("parameter-dots", b"/c/x/..;/" + MARK, "/c/x/..;/T000000000"),
        ("double-encoding", b"/c" + mark + b"/%252e%252e", "/c/T000000000/%252e%252e"),
        ("encoded-backslash", b"/c" + mark + b"/..%5cx", "/c/T000000000/..%5cx", "/c/T000000000/..%5Cx"),
        ("dots-parameter", b"/c" + mark + b"/%2e%2e;x/y", "/c/T000000000/..;x/y"),
    ):
        cases.append(maybe(f"T8-{name}", request(target=target), 400, check=target_is(*allowed)))
    # What the route decides on is what is sent: no spelling of /private may get past its route.
    for name, target in (
        ("dots", b"/c/../private/" + MARK),
        ("encoded-dots", b"/c/%2e%2e/private/" + MARK),
        ("slashes", b"//private//" + MARK),
        ("unreserved", b"/%70riv%61te/" + MARK),
        ("dot", b"/./private/" + MARK),
        ("absolute", b"http://a.test/c/../private/" + MARK),
        ("encoded-slash", b"/c/..%2fprivate/" + MARK),
        ("slash-backslash", b"/c/..\\private/" + MARK),
    ):
        cases.append(maybe(f"T8-private-{name}", request(target=target), 400, check=not_forwarded))
    return cases


def host_is(*names: str):
    def check(requests, answers):
        assert all(one.fields["host"] in names for one in requests), [one.fields["host"] for one in requests]

    return check


def not_forwarded(requests, answers):
    assert not requests and not any("x-origin" in one.fields for one in answers), requests


def all_cases() -> list[Case]:
    return hosts() + targets()
