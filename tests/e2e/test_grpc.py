"""A real gRPC client and server (grpcio) with postern between them, in the clear and over TLS on each side."""

from __future__ import annotations

import base64
import os
import struct
import threading
import time

import grpc
import pytest

from harness.client import PATIENCE, SANITIZED, RawClient
from harness.grpc_peer import DETAILS, Client, Server
from harness.h2_client import H2Client
from harness.postern import Postern, free_port

Code = grpc.StatusCode
KINDS = ["h2c-h2c", "h2c-tls", "tls-h2c", "tls-tls"]


class Setup:
    def __init__(self, folder, authority):
        pair, self.root = authority.issue("a.test"), authority.cert
        self.servers = {"h2c": Server(free_port()), "tls": Server(free_port(), pair)}
        self.dead = free_port()
        tls = {"tls": {"certificate": [pair.table()], "alpn": ["h2", "http/1.1"]}}
        h2 = {"protocol": "h2"}
        up_tls = {"ca": str(authority.cert), "sni": "a.test"}
        self.postern = Postern(
            folder,
            {
                "listener": [
                    *({"name": kind, **(tls if kind.startswith("tls") else {"h2c": True})} for kind in KINDS),
                    {"name": "h1"},
                ],
                "upstream": [
                    {"name": "h2c", "endpoints": [self.servers["h2c"].endpoint], **h2},
                    {"name": "tls", "endpoints": [self.servers["tls"].endpoint], "tls": up_tls, **h2},
                    {"name": "dead", "endpoints": [f"127.0.0.1:{self.dead}"], "connect_timeout": "500ms", **h2},
                ],
                "route": [
                    {"name": "dead", "path": "/test.Dead/*", "forward": "dead"},
                    {"name": "limited", "path": "/test.Echo/Total", "listeners": ["h1"], "max_body": "1KiB", "forward": "h2c"},
                    {"name": "web", "path": "/web/*", "strip_prefix": "/web", "grpc_web": True, "forward": "h2c"},
                    {
                        "name": "slow",
                        "path": "/slow/*",
                        "strip_prefix": "/slow",
                        "response_timeout": "300ms",
                        "forward": "h2c",
                    },
                    {"name": "to-h2c", "path": "/test.Echo/*", "listeners": ["h2c-h2c", "tls-h2c"], "forward": "h2c"},
                    {"name": "to-tls", "path": "/test.Echo/*", "listeners": ["h2c-tls", "tls-tls"], "forward": "tls"},
                ],
            },
        )

    def client(self, kind: str = "h2c-h2c") -> Client:
        return Client(self.postern.address(kind), self.root if kind.startswith("tls") else None)

    def server(self, kind: str) -> Server:
        return self.servers[kind.split("-")[1]]


@pytest.fixture(scope="module")
def setup(tmp_path_factory, authority):
    one = Setup(tmp_path_factory.mktemp("grpc"), authority)
    yield one
    one.postern.stop()
    for server in one.servers.values():
        server.close()


@pytest.fixture(params=KINDS)
def peers(request, setup):
    client = setup.client(request.param)
    yield client, setup.server(request.param)
    client.close()
    assert setup.postern.process.poll() is None, setup.postern.stderr()[-4000:]


@pytest.fixture
def client(setup):
    one = setup.client()
    yield one
    one.close()


def test_unary(peers):
    client, _ = peers
    answer, call = client.unary.with_call(b"hello", timeout=10, metadata=(("x-one", "1"),))
    assert answer == b"hello" and call.code() == Code.OK
    assert ("x-initial", "yes") in call.initial_metadata()
    trailing = dict(call.trailing_metadata())
    assert trailing["x-back-one"] == "1" and trailing["x-bin-bin"] == b"\0\1\xff"
    assert client.unary(b"", timeout=10) == b""


def test_server_streaming(peers):
    client, _ = peers
    assert list(client.count(b"1000", timeout=20)) == [b"%d" % number for number in range(1000)]
    assert list(client.count(b"0", timeout=20)) == []


def test_client_streaming(peers):
    client, _ = peers
    assert client.total(iter([b"x" * number for number in range(1000)]), timeout=20) == b"499500"


def test_bidirectional_streaming(peers):
    """Ping-pong: each message comes back before the next is sent."""
    client, _ = peers
    turn, answers = threading.Semaphore(1), []

    def questions():
        for number in range(200):
            turn.acquire(timeout=10)
            yield b"%d" % number

    for answer in client.mirror(questions(), timeout=20):
        answers.append(answer)
        turn.release()
    assert answers == [b"%d" % number for number in range(200)]


def test_stream_arrives_message_by_message(peers):
    client, _ = peers
    late = [time.monotonic() - float(one.split()[1]) for one in client.pace(b"10 0.03", timeout=10)]
    assert sorted(late)[5] < 0.02 * PATIENCE, f"messages were held back: {late}"


@pytest.mark.parametrize("size", [1, 65_535, 1 << 20, 4 << 20])
def test_large_messages_both_ways(peers, size):
    client, _ = peers
    message = os.urandom(size)
    assert client.unary(message, timeout=30) == message
    assert list(client.mirror(iter([message, b"", message]), timeout=30)) == [message, b"", message]


def test_trailers_only_error_with_details(peers):
    client, _ = peers
    with pytest.raises(grpc.RpcError) as caught:
        client.fail(b"x", timeout=10)
    error = caught.value
    assert error.code() == Code.FAILED_PRECONDITION and error.details() == "nope: ünïcode %"
    trailing = dict(error.trailing_metadata())
    assert trailing["grpc-status-details-bin"] == DETAILS and trailing["x-why"] == "asked"


def test_error_behind_messages(peers):
    client, _ = peers
    seen = []
    with pytest.raises(grpc.RpcError) as caught:
        for one in client.half(b"x", timeout=10):
            seen.append(one)
    assert seen == [b"one", b"two"] and caught.value.code() == Code.DATA_LOSS and caught.value.details() == "lost"


def test_deadline_reaches_client_and_server(peers):
    """The server sleeps through it: the client is told in time, the server's call is cancelled."""
    client, server = peers
    since, start = len(server.lines), time.monotonic()
    with pytest.raises(grpc.RpcError) as caught:
        client.sleep(b"1.5", timeout=0.4)
    assert caught.value.code() == Code.DEADLINE_EXCEEDED and time.monotonic() - start < 0.6 * PATIENCE
    assert server.wait_line("ended sleep inactive", since) - start < 0.7 * PATIENCE


def test_cancel_reaches_the_server(peers):
    """Within 10 ms; the best of five, because the rest is grpcio's."""
    client, server = peers
    took = []
    for _ in range(5):
        since, call = len(server.lines), client.hang(b"x", timeout=10)
        assert next(call) == b"first"
        start = time.monotonic()
        call.cancel()
        took.append(server.wait_line("ended hang", since) - start)
    assert min(took) < 0.015 * PATIENCE, took


@pytest.mark.timeout(120)
def test_ten_thousand_calls_on_one_connection(setup):
    client = setup.client("tls-h2c")
    before = setup.postern.total("postern_h2_connections_total")
    began = setup.postern.rss_kib()
    done, wrong = threading.Semaphore(0), []
    window = threading.Semaphore(64)

    def finished(future, expected):
        try:
            if future.result() != expected:
                wrong.append(expected)
        except grpc.RpcError as error:
            wrong.append(error)
        window.release()
        done.release()

    for number in range(10_000):
        window.acquire()
        body = b"%d" % number
        client.unary.future(body, timeout=60).add_done_callback(lambda one, body=body: finished(one, body))
    for _ in range(10_000):
        assert done.acquire(timeout=60)
    assert not wrong, wrong[:3]
    assert setup.postern.total("postern_h2_connections_total") == before + 1
    assert SANITIZED or setup.postern.rss_kib() - began < 10_000
    client.close()


# postern's own errors


def code_of(call, *arguments, **more) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **more)
    return caught.value.code()


def test_own_errors_are_grpc_status(client):
    assert code_of(client.method("/no.Such/Route"), b"", timeout=5) == Code.UNIMPLEMENTED
    assert code_of(client.method("/test.Echo/NoSuchMethod"), b"", timeout=5) == Code.UNIMPLEMENTED
    assert code_of(client.method("/test.Dead/Any"), b"", timeout=5) == Code.UNAVAILABLE
    assert code_of(client.method("/slow/test.Echo/Sleep"), b"1", timeout=5) in (Code.DEADLINE_EXCEEDED, Code.UNAVAILABLE)


def test_own_error_is_one_headers_frame(setup):
    """H9: trailers-only; an empty DATA behind it breaks clients."""
    with H2Client(setup.postern.address("h2c-h2c")) as raw:
        fields = [("content-type", "application/grpc"), ("te", "trailers")]
        for path in ("/no.Such/Route", "/test.Echo/Fail"):
            answer = raw.start(path, "POST", fields, end=False)
            raw.send_body(answer.stream, struct.pack(">BI", 0, 0))
            raw.wait(answer)
            assert answer.status == 200 and answer.frames == [("headers", True)], answer
            assert answer.fields["content-type"].startswith("application/grpc") and "grpc-status" in answer.fields


def test_server_killed_in_a_stream_is_never_ok(tmp_path, authority):
    """Ten kills at different points: the client always gets an error, and what it got before is right."""
    for attempt in range(10):
        server = Server(free_port())
        postern = Postern(
            tmp_path / str(attempt),
            {
                "listener": [{"name": "main", "h2c": True}],
                "upstream": [{"name": "up", "endpoints": [server.endpoint], "protocol": "h2"}],
                "route": [{"name": "all", "path": "/*", "forward": "up"}],
            },
        )
        client = Client(postern.address())
        seen = []
        try:
            with pytest.raises(grpc.RpcError) as caught:
                for one in client.pace(b"1000 0.002", timeout=10):
                    seen.append(int(one.split()[0]))
                    if len(seen) == 1 + attempt * 5:
                        server.kill()
            assert caught.value.code() in (Code.UNAVAILABLE, Code.INTERNAL, Code.UNKNOWN, Code.CANCELLED)
            assert seen == list(range(len(seen)))
        finally:
            client.close()
            server.kill()
            postern.stop()


# gRPC-Web, by hand


def message(body: bytes) -> bytes:
    return struct.pack(">BI", 0, len(body)) + body


def parts(body: bytes) -> list[tuple[int, bytes]]:
    found = []
    while body:
        flag, length = struct.unpack(">BI", body[:5])
        assert len(body) >= 5 + length, "a cut message"
        found.append((flag, body[5 : 5 + length]))
        body = body[5 + length :]
    return found


def trailer_fields(text: bytes) -> dict[str, str]:
    lines = [line for line in text.decode("latin-1").split("\r\n") if line]
    return {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}


def decode_text(body: bytes) -> bytes:
    """Base64 pieces, each with padding of its own, one behind the other."""
    out = b""
    for start in range(0, len(body), 4):
        out += base64.b64decode(body[start : start + 4])
    return out


@pytest.mark.parametrize("text", [False, True], ids=["binary", "text"])
@pytest.mark.parametrize("wire", ["h1", "h2c-h2c"])
def test_grpc_web(setup, wire, text):
    kind = "application/grpc-web-text" if text else "application/grpc-web+proto"

    def ask(method: str, body: bytes) -> tuple[dict, list[tuple[int, bytes]]]:
        sent = base64.b64encode(message(body)) if text else message(body)
        if wire == "h1":
            with RawClient(setup.postern.address(wire)) as raw:
                answer = raw.post(
                    f"/web/test.Echo/{method}", sent, headers=f"Content-Type: {kind}\r\nX-Grpc-Web: 1\r\n"
                )
        else:
            with H2Client(setup.postern.address(wire)) as raw:
                answer = raw.post(
                    f"/web/test.Echo/{method}", sent, fields=[("content-type", kind), ("x-grpc-web", "1")]
                )
                assert not answer.trailers.pairs
        assert answer.status == 200, answer.head
        assert answer.fields["content-type"].startswith(kind.split("+")[0]), answer.head
        got = bytes(answer.body)
        return answer.fields, parts(decode_text(got) if text else got)

    _, found = ask("Unary", b"hello web")
    assert [flag for flag, _ in found] == [0, 0x80] and found[0][1] == b"hello web"
    assert trailer_fields(found[1][1])["grpc-status"] == "0"
    _, found = ask("Count", b"100")
    assert [body for flag, body in found if flag == 0] == [b"%d" % number for number in range(100)]
    assert trailer_fields(found[-1][1])["grpc-status"] == "0"
    fields, found = ask("Fail", b"x")
    status = trailer_fields(found[-1][1]) if found else {one: fields[one] for one in fields.names()}
    assert status["grpc-status"] == "9", (fields, found)
