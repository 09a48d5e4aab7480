"""gRPC-Web from browsers, gRPC's own errors and deadlines, with raw HTTP/1.1 on both sides: what is in the bytes.

Real clients and servers of gRPC over HTTP/2 are elsewhere; here the origin speaks gRPC over chunked HTTP/1.1.
"""

from __future__ import annotations

import base64
import struct
import time

import pytest

from harness.client import PATIENCE, Closed
from harness.scripts import raw
from harness.settings import simple

MESSAGE = struct.pack(">BI", 0, 5) + b"hello"
GRPC_HEAD = b"HTTP/1.1 200 OK\r\nX-Origin: 1\r\nContent-Type: application/grpc\r\n"
CALL = "/pkg.Model/Predict"


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


def trailers(text: bytes) -> bytes:
    return b"\x80" + struct.pack(">I", len(text)) + text


def body_of(kind: str, plain: bytes) -> bytes:
    return base64.b64encode(plain) if "-text" in kind else plain


def decoded(kind: str, body: bytes) -> bytes:
    """As clients of the text dialect do: four characters at a time, padding wherever it comes."""
    if "-text" not in kind:
        return body
    assert len(body) % 4 == 0
    return b"".join(base64.b64decode(body[i : i + 4], validate=True) for i in range(0, len(body), 4))


@pytest.fixture
def front(postern_with, make_origin):
    origin = make_origin()
    postern = postern_with(
        simple(origin),
        route=[
            {"name": "slow", "path": "/slow/*", "forward": "up", "grpc_web": True, "request_timeout": "300ms"},
            {"name": "plain", "path": "/plain/*", "forward": "up"},
            {"name": "small", "path": "/small/*", "forward": "up", "grpc_web": True, "max_body": "10B"},
            {"name": "grpc", "path": "/*", "forward": "up", "grpc_web": True},
        ],
    )
    postern.origin = origin
    return postern


def call(front, kind: str, body: bytes, path: str = CALL, more: str = ""):
    with front.client() as client:
        return client.post(path, body, headers=f"Content-Type: {kind}\r\nX-Grpc-Web: 1\r\n{more}")


KINDS = [
    "application/grpc-web",
    "application/grpc-web+proto",
    "application/grpc-web-text",
    "application/grpc-web-text+proto",
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_unary_call_and_its_trailers(front, kind):
    front.origin.on(
        CALL,
        raw(
            GRPC_HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(MESSAGE[:3], MESSAGE[3:])
            + b"0\r\ngrpc-status: 0\r\ngrpc-message: \r\nx-cost: 3\r\n\r\n"
        ),
    )
    answer = call(front, kind, body_of(kind, MESSAGE))
    assert answer.status == 200
    assert answer.fields["content-type"] == kind.removesuffix("+proto") + "+proto"
    lines = b"grpc-status: 0\r\ngrpc-message: \r\nx-cost: 3\r\n"
    assert decoded(kind, answer.body) == MESSAGE + trailers(lines)
    assert not answer.trailers.names()
    seen = front.origin.last(CALL)
    assert seen.body == MESSAGE
    assert seen.fields["content-type"] in ("application/grpc", "application/grpc+proto")
    assert seen.fields["te"] == "trailers"


def test_a_text_request_in_segments_and_pieces(front):
    front.origin.on(CALL, raw(GRPC_HEAD + b"grpc-status: 0\r\nContent-Length: 0\r\n\r\n"))
    text = base64.b64encode(MESSAGE) + base64.b64encode(MESSAGE)
    with front.client() as client:
        client.send(
            f"POST {CALL} HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/grpc-web-text\r\n"
            f"Content-Length: {len(text)}\r\n\r\n"
        )
        for i in range(len(text)):
            client.send(text[i : i + 1])
            time.sleep(0.002)
        assert client.read().status == 200
    assert front.origin.last(CALL).body == MESSAGE + MESSAGE


def test_messages_arrive_one_by_one(front):
    def script(conn, request):
        conn.send(GRPC_HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(MESSAGE))
        time.sleep(0.5)
        conn.send(chunked(MESSAGE) + b"0\r\ngrpc-status: 0\r\n\r\n")

    front.origin.on(CALL, script)
    with front.client() as client:
        client.send(
            f"POST {CALL} HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/grpc-web-text\r\nContent-Length: 0\r\n\r\n"
        )
        start = time.monotonic()
        client.wait_for(base64.b64encode(MESSAGE))
        assert time.monotonic() - start < 0.4 * PATIENCE


def test_a_trailers_only_answer_stays_in_the_head(front):
    front.origin.on(CALL, raw(GRPC_HEAD + b"grpc-status: 7\r\ngrpc-message: no\r\nContent-Length: 0\r\n\r\n"))
    answer = call(front, KINDS[0], MESSAGE)
    assert answer.fields["grpc-status"] == "7" and answer.fields["grpc-message"] == "no" and answer.body == b""
    assert answer.fields["content-type"] == "application/grpc-web+proto"


def test_an_answer_without_a_status_is_no_success(front):
    front.origin.on(CALL, raw(GRPC_HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(MESSAGE) + b"0\r\n\r\n"))
    answer = call(front, KINDS[0], MESSAGE)
    assert b"grpc-status: 13\r\n" in answer.body
    front.origin.on(CALL, raw(GRPC_HEAD + b"Content-Length: 0\r\n\r\n"))
    assert call(front, KINDS[0], MESSAGE).fields["grpc-status"] == "13"


def test_an_answer_that_breaks_off_never_ends(front):
    def script(conn, request):
        conn.send(GRPC_HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(MESSAGE))
        conn.reset()

    front.origin.on(CALL, script)
    for kind in (KINDS[0], KINDS[2]):
        with front.client() as client:
            client.send(
                f"POST {CALL} HTTP/1.1\r\nHost: a.test\r\nContent-Type: {kind}\r\nContent-Length: 0\r\n\r\n"
            )
            with pytest.raises(Closed) as end:
                client.read()
            assert end.value.partial is None or b"grpc-status" not in end.value.partial.body


def test_an_error_page_passes_as_it_is(front):
    front.origin.on(CALL, raw(b"HTTP/1.1 404 No\r\nX-Origin: 1\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\npage"))
    answer = call(front, KINDS[0], MESSAGE)
    assert answer.status == 404 and answer.body == b"page"


def test_without_the_option_nothing_is_translated(front):
    path = front.origin.on("/plain" + CALL, raw(GRPC_HEAD + b"Content-Length: 10\r\n\r\n" + MESSAGE))
    answer = call(front, KINDS[2], base64.b64encode(MESSAGE), path)
    assert answer.body == MESSAGE and answer.fields["content-type"] == "application/grpc"
    assert front.origin.last(path).body == base64.b64encode(MESSAGE)


def silent(conn, request):
    time.sleep(2)
    conn.close()


@pytest.mark.parametrize("kind", ["application/grpc", *KINDS])
def test_the_callers_deadline_is_ours(front, kind):
    path = front.origin.on("/patient" + CALL, silent)
    start = time.monotonic()
    answer = call(front, kind, b"", path, "grpc-timeout: 200m\r\n")
    assert 0.18 <= time.monotonic() - start < 1.0 * PATIENCE  # a coarse clock
    assert answer.status == 200 and answer.fields["grpc-status"] == "4" and answer.body == b""
    assert answer.fields["content-type"].startswith(kind)


def test_the_routes_limit_counts_when_it_is_sooner(front):
    path = front.origin.on("/slow" + CALL, silent)
    start = time.monotonic()
    answer = call(front, "application/grpc", b"", path, "grpc-timeout: 5S\r\n")
    assert 0.28 <= time.monotonic() - start < 1.5 * PATIENCE
    assert answer.fields["grpc-status"] == "4"


def test_a_timeout_that_is_none_is_the_servers_business(front):
    front.origin.on(CALL, raw(GRPC_HEAD + b"grpc-status: 0\r\nContent-Length: 0\r\n\r\n"))
    assert call(front, "application/grpc", MESSAGE, more="grpc-timeout: 123456789S\r\n").fields["grpc-status"] == "0"
    assert front.origin.last(CALL).fields["grpc-timeout"] == "123456789S"


@pytest.mark.parametrize(
    "path, kind, body, status",
    [
        ("/small" + CALL, "application/grpc", MESSAGE + b"more", "8"),  # the limit
        (CALL, "application/grpc-web-text", b"AAAA!AAA", "13"),  # not base64
        (CALL, "application/grpc-web-text", b"AAAAA", "13"),  # cut off
    ],
)
def test_errors_of_our_own_are_grpc(front, path, kind, body, status):
    answer = call(front, kind, body, path)
    assert answer.status == 200 and answer.fields["grpc-status"] == status and answer.body == b""
    assert answer.fields["grpc-message"] and answer.fields["x-request-id"]
    assert answer.fields["content-type"].startswith(kind)


def test_an_upstream_that_is_not_there(postern_with, make_origin):
    gone = make_origin()
    postern = postern_with(simple(gone))
    gone.close()
    answer = call(postern, "application/grpc", MESSAGE)
    assert answer.status == 200 and answer.fields["grpc-status"] == "14"


def test_all_trailers_of_a_call_pass(front):
    front.origin.on(
        CALL,
        raw(
            GRPC_HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(MESSAGE)
            + b"0\r\ngrpc-status: 0\r\nx-anything: 1\r\n\r\n"
        ),
    )
    answer = call(front, "application/grpc", MESSAGE, more="TE: trailers\r\n")
    assert answer.body == MESSAGE and answer.trailers["grpc-status"] == "0" and answer.trailers["x-anything"] == "1"
