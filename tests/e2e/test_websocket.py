"""WebSocket through postern: a real client against a real server, and raw sockets for what neither would do.

`bridge` is the wires of the two sides: on HTTP/1 the library `websockets`, on HTTP/2 `wsproto` in streams of `h2` and
hypercorn.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import random
import signal
import socket
import ssl
import struct
import time

import pytest

from harness.certs import client_context
from harness.client import PATIENCE, SANITIZED
from harness.flight import check_problem
from harness.settings import simple

pytest.importorskip("websockets.asyncio.server", reason="needs the library websockets, 13 or later")
from websockets.asyncio.client import connect as ws_connect  # noqa: E402
from websockets.asyncio.server import serve  # noqa: E402
from websockets.exceptions import ConnectionClosed, InvalidStatus  # noqa: E402

from harness.h2_origin import H2Origin  # noqa: E402
from harness.ws_h2 import Connecting, HypercornEcho, Links  # noqa: E402

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    f"Sec-WebSocket-Key: {KEY}\r\n"
)
BRIDGES = ("h1-h1", "h1s-h1s", "h2-h1", "h1-h2", "h2-h2", "h2s-h2s")


class Bridge:
    """The wires of the two sides: "h1" or "h2", and with an "s" over TLS."""

    def __init__(self, name: str, authority):
        self.name = name
        self.client_side, self.server_side = name.split("-")
        self.authority = authority
        self.pair = authority.issue("localhost", ["localhost"]) if "s" in name else None
        self.links: Links | None = None

    def echo(self, **options):
        """A running echo server, as an async context."""
        if self.server_side.startswith("h2"):
            return HypercornEcho(self.pair if self.server_side == "h2s" else None, **options)
        return Echo(ssl=self.server_context(), **options)

    def server_context(self) -> ssl.SSLContext | None:
        if not self.server_side.endswith("s"):
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pair.cert, self.pair.key)
        return context

    def settings(self, endpoint: str, route: dict | None = None, **top) -> dict:
        listener = {"h2c": True} if self.client_side == "h2" else {}
        upstream = {"protocol": "h2"} if self.server_side.startswith("h2") else {}
        if self.client_side.endswith("s"):
            listener["tls"] = {"certificate": [self.pair.table()]}
        if self.server_side.endswith("s"):
            upstream["tls"] = {"ca": str(self.authority.cert)}
            endpoint = endpoint.replace("127.0.0.1", "localhost")
        return simple(endpoint, route=route, listener=listener, upstream=upstream, **top)

    def connect(self, postern, path: str = "/echo", per_link: int = 1, **options):
        """A client's connection, as an async context; over HTTP/2 `per_link` of them share one of TCP."""
        host, port = postern.address()
        if self.client_side.startswith("h2"):
            if self.links is None:
                tls = client_context(self.authority, alpn=["h2"]) if self.client_side == "h2s" else None
                self.links = Links(tls)
            return Connecting(lambda: self.links.tunnel((host, port), path, per_link, **options))
        scheme = "ws"
        if self.client_side.endswith("s"):
            scheme = "wss"
            options.update(ssl=ssl.create_default_context(cafile=str(self.authority.cert)), server_hostname="localhost")
        return ws_connect(f"{scheme}://{host}:{port}{path}", max_size=2**24, open_timeout=60, **options)


@pytest.fixture(params=BRIDGES)
def bridge(request, authority):
    return Bridge(request.param, authority)


class Echo:
    """An echo server of the library; `closed` are the codes with which its connections ended."""

    def __init__(self, **options):
        self.options, self.closed, self.requests = options, [], []

    @staticmethod
    def decline(connection, request):
        return connection.respond(403, "not you") if request.path == "/declined" else None

    async def handle(self, ws):
        self.requests.append(ws.request)
        try:
            async for message in ws:
                if message == "close 4001":
                    await ws.close(4001, "as you said")
                elif isinstance(message, str) and message.startswith("fragments "):
                    await ws.send(message[i : i + 1000] for i in range(0, len(message), 1000))
                else:
                    await ws.send(message)
        finally:
            await ws.wait_closed()
            self.closed.append(ws.close_code)

    async def __aenter__(self):
        self.server = await serve(
            self.handle, "127.0.0.1", 0, max_size=2**24, open_timeout=60, process_request=self.decline, **self.options
        )
        self.endpoint = f"127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self.server.close()
        await self.server.wait_closed()


async def eventually(condition, wait: float = 3.0):
    deadline = time.monotonic() + wait * PATIENCE
    while not (value := condition()) and time.monotonic() < deadline:
        await asyncio.sleep(0.005)
    return value


def random_message(dice: random.Random) -> str | bytes:
    size = dice.choice([0, 1, 5, 125, 126, 127, 300, 1000]) if dice.random() < 0.97 else dice.randrange(70_000)
    return dice.randbytes(size) if dice.random() < 0.5 else "".join(dice.choices("abcé€😀", k=size // 2))


@pytest.mark.heavy
@pytest.mark.timeout(240)
@pytest.mark.parametrize("compression", [None, "deflate"], ids=["plain", "deflate"])
def test_ten_thousand_random_frames_come_back_byte_exact(postern_with, bridge, compression):
    async def run():
        async with bridge.echo(compression=compression) as echo:
            postern = postern_with(bridge.settings(echo.endpoint))
            async with bridge.connect(postern, compression=compression) as ws:
                dice = random.Random(11)
                sent = [random_message(dice) for _ in range(10_000)]
                sent[7000] = b"\x88" * 70_000

                async def send():
                    for number, message in enumerate(sent):
                        if number % 50 == 0 and len(message) > 1:  # in fragments
                            cut = len(message) // 2
                            await ws.send([message[:cut], message[cut:]])
                        else:
                            await ws.send(message)

                sender = asyncio.create_task(send())
                for number, message in enumerate(sent):
                    assert await ws.recv() == message, number
                await sender
                if bridge.server_side.startswith("h2"):
                    return  # that one does not send fragments
                text = "fragments " + "z" * 5500
                await ws.send(text)
                parts = [part async for part in ws.recv_streaming()]
                assert len(parts) >= 6 and "".join(parts) == text
            assert ws.close_code == 1000

    asyncio.run(run())


@pytest.mark.heavy
@pytest.mark.timeout(240)
def test_a_thousand_idle_sockets_cost_little_and_live(postern_with, bridge):
    async def run():
        async with bridge.echo(ping_interval=None, compression=None) as echo:
            postern = postern_with(bridge.settings(echo.endpoint))
            quiet = {"ping_interval": None, "compression": None, "per_link": 100}
            warm = [await bridge.connect(postern, **quiet) for _ in range(50)]
            before = postern.rss_kib()
            idle = []
            for _ in range(19):
                idle += await asyncio.gather(*(bridge.connect(postern, **quiet).__aenter__() for _ in range(50)))
            each = (postern.rss_kib() - before) / len(idle)
            print(f"{bridge.name}: {each:.1f} KiB each")
            assert each < (32 if bridge.pair is None else 128) * PATIENCE
            if bridge.links:
                assert len(bridge.links.links) == 10

            async def ask(number, ws):
                await ws.send(f"still {number}")
                assert await ws.recv() == f"still {number}"

            for _ in range(2):
                await asyncio.gather(*(ask(number, ws) for number, ws in enumerate(warm + idle)))
            await asyncio.gather(*(ws.close() for ws in warm + idle))
            assert await eventually(lambda: len(echo.closed) == 1000) and set(echo.closed) == {1000}
            return each

    asyncio.run(run())


def test_ping_pong_and_what_was_negotiated(postern_with, bridge):
    async def run():
        async with bridge.echo(subprotocols=["chat.v2", "chat.v1"]) as echo:
            postern = postern_with(bridge.settings(echo.endpoint))
            async with bridge.connect(postern, subprotocols=["chat.v1", "x"], origin="http://a.test") as ws:
                assert ws.subprotocol == "chat.v1"
                assert [one.name for one in ws.protocol.extensions] == ["permessage-deflate"]
                await asyncio.wait_for(await ws.ping(b"are you there"), 5 * PATIENCE)
                await ws.send("x" * 100_000)
                assert await ws.recv() == "x" * 100_000
            [seen] = echo.requests
            assert seen.headers["Origin"] == "http://a.test" and seen.headers["X-Forwarded-For"] == "127.0.0.1"
            assert seen.headers.get_all("Sec-WebSocket-Version") == ["13"]

    asyncio.run(run())


def test_close_codes_pass_both_ways(postern_with, bridge):
    async def run():
        async with bridge.echo() as echo:
            postern = postern_with(bridge.settings(echo.endpoint))
            async with bridge.connect(postern) as ws:
                await ws.close(4002, "mine")
            assert await eventually(lambda: echo.closed == [4002])
            async with bridge.connect(postern) as ws:
                await ws.send("close 4001")
                with pytest.raises(ConnectionClosed):
                    await ws.recv()
                assert ws.close_code == 4001 and ws.close_reason == "as you said"
            assert await eventually(lambda: echo.closed == [4002, 4001])

    asyncio.run(run())


def test_silence_ends_it_and_either_side_breaks_the_silence(postern_with, bridge):
    async def run():
        async with bridge.echo(ping_interval=None) as echo:
            postern = postern_with(
                bridge.settings(
                    echo.endpoint,
                    {"websocket_idle_timeout": "1s", "idle_timeout": "100ms", "request_timeout": "100ms"},
                )
            )
            async with bridge.connect(postern, ping_interval=None) as ws:
                for _ in range(9):
                    await asyncio.sleep(0.15)
                    await ws.send("x")
                    assert await ws.recv() == "x"
                began = time.monotonic()
                with pytest.raises(ConnectionClosed):
                    await ws.recv()
                assert 0.8 < time.monotonic() - began < 3 * PATIENCE
                assert ws.close_code == 1001
            assert await eventually(lambda: echo.closed == [1001])
            assert await eventually(lambda: postern.total("postern_request_errors_total", reason="tunnel_idle") == 1)

    asyncio.run(run())


def test_drain_says_1001_to_both_sides(postern_with, bridge):
    async def run():
        async with bridge.echo() as echo:
            postern = postern_with(bridge.settings(echo.endpoint))
            sockets = [await bridge.connect(postern) for _ in range(5)]
            await sockets[0].send("x")
            assert await sockets[0].recv() == "x"
            began = time.monotonic()
            postern.process.send_signal(signal.SIGTERM)
            for ws in sockets:
                with pytest.raises(ConnectionClosed):
                    await ws.recv()
                assert ws.close_code == 1001
            if bridge.links:
                for link in bridge.links.links:
                    await asyncio.wait_for(link.ended.wait(), 2 * PATIENCE)
                    assert set(link.goaways) == {0} and link.fin and link.error is None
            assert await eventually(lambda: echo.closed == [1001] * 5)
            assert await asyncio.to_thread(postern.wait_exit) == 0
            assert time.monotonic() - began < 2 * PATIENCE

    asyncio.run(run())


def test_a_route_may_refuse(postern_with, bridge):
    async def run():
        async with bridge.echo() as echo:
            postern = postern_with(bridge.settings(echo.endpoint, {"websocket": False}))
            with pytest.raises(InvalidStatus) as refused:
                async with bridge.connect(postern):
                    pass
            assert refused.value.response.status_code == 403 and not echo.requests
            assert await eventually(lambda: postern.total("postern_request_errors_total", reason="websocket_refused") == 1)

    asyncio.run(run())


def test_the_upstreams_no_comes_through(postern_with, bridge):
    async def run():
        async with bridge.echo() as echo:
            postern = postern_with(bridge.settings(echo.endpoint))
            for _ in range(3):
                with pytest.raises(InvalidStatus) as refused:
                    async with bridge.connect(postern, "/declined"):
                        pass
                assert refused.value.response.status_code == 403
            async with bridge.connect(postern) as ws:
                await ws.send("but this")
                assert await ws.recv() == "but this"

    asyncio.run(run())


def test_an_endpoint_that_refuses_is_passed_over(postern_with, bridge):
    """Nothing of the handshake has reached it, so the next one may have it."""

    async def run():
        async with bridge.echo() as echo:
            settings = bridge.settings(echo.endpoint)
            upstream = settings["upstream"][0]
            with socket.socket() as nobody:  # bound, not listening: refuses
                nobody.bind(("127.0.0.1", 0))
                dead = f"{echo.endpoint.split(':')[0]}:{nobody.getsockname()[1]}"
                upstream["endpoints"] += [dead.replace("127.0.0.1", upstream["endpoints"][0].split(":")[0])]
                upstream["balance"] = {"kind": "round_robin"}
                postern = postern_with(settings)
                for _ in range(4):
                    async with bridge.connect(postern) as ws:
                        await ws.send("here")
                        assert await ws.recv() == "here"

    asyncio.run(run())


def test_a_tunnel_has_no_body_to_be_limited(postern_with, bridge):
    async def run():
        async with bridge.echo() as echo:
            postern = postern_with(bridge.settings(echo.endpoint, {"max_body": "1KiB", "buffer_request": True}))
            async with bridge.connect(postern, compression=None) as ws:
                await ws.send(b"x" * 300_000)
                assert await ws.recv() == b"x" * 300_000

    asyncio.run(run())


def break_off(transport) -> None:
    """With a RST."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


@pytest.mark.parametrize("how", ["stream", "connection"])
def test_a_client_that_vanishes_is_told_to_the_server_at_once(postern_with, bridge, how):
    if how == "stream" and not bridge.client_side.startswith("h2"):
        pytest.skip("no streams to reset")

    async def run():
        async with bridge.echo(ping_interval=None) as echo:
            postern = postern_with(bridge.settings(echo.endpoint))
            late = []
            for number in range(3):
                ws = await bridge.connect(postern, per_link=100 if how == "stream" else 1)
                await ws.send("x")
                assert await ws.recv() == "x"
                began = time.monotonic()
                if how == "stream":
                    ws.reset()
                else:
                    break_off(ws.link.transport if bridge.links else ws.transport)
                assert await eventually(lambda: echo.closed == [1006] * (number + 1)), echo.closed
                late.append(time.monotonic() - began)
            assert min(late) < 0.05 * PATIENCE, late
            if bridge.links and how == "stream":
                assert len(bridge.links.links) == 1  # which has suffered nothing
            assert await eventually(lambda: postern.total("postern_request_errors_total", reason="client_closed") == 3)

    asyncio.run(run())


@pytest.mark.heavy
@pytest.mark.parametrize("bridge", ["h2-h1", "h2-h2", "h2s-h2s"], indirect=True)
def test_one_stalled_tunnel_holds_up_no_other(postern_with, bridge):
    """Its client takes nothing: what is held for it is bounded, and the others of its connection go on."""

    async def run():
        async with bridge.echo(ping_interval=None, compression=None) as echo:
            postern = postern_with(bridge.settings(echo.endpoint))
            quiet = {"per_link": 3, "compression": None}
            stalled, deaf, other = [await bridge.connect(postern, **quiet) for _ in range(3)]
            assert stalled.link is other.link
            before = postern.rss_kib()
            stalled.stalled = True
            sent = []

            async def send():
                for _ in range(200):
                    await stalled.send(b"x" * 200_000)
                    sent.append(1)

            sender = asyncio.create_task(send())
            for number in range(100):
                await other.send(f"{number}" * 1000)
                assert await other.recv() == f"{number}" * 1000
                await asyncio.sleep(0.005)
            held = len(sent)
            if bridge.server_side == "h1":  # hypercorn buffers without end
                assert held < 150, "nothing held the sender back"
            print(f"{bridge.name}: {held} sent, {postern.rss_kib() - before} KiB held")
            assert SANITIZED or postern.rss_kib() - before < 8192
            stalled.resume()
            for _ in range(200):
                assert await stalled.recv() == b"x" * 200_000
            await sender
            for ws in (stalled, deaf, other):
                await ws.close()
            assert await eventually(lambda: echo.closed == [1000] * 3)

    asyncio.run(run())


def test_an_orderly_end_does_not_wait_for_anybody(postern_with, bridge):
    """hypercorn answers a Close and leaves its stream open: nothing can come behind the two, all the same."""

    async def run():
        async with bridge.echo() as echo:
            postern = postern_with(bridge.settings(echo.endpoint))
            began = time.monotonic()
            for text in ("close 4001", None):
                ws = await bridge.connect(postern)
                if text:
                    await ws.send(text)
                    with pytest.raises(ConnectionClosed):
                        await ws.recv()
                await ws.close(4002)
                assert not bridge.links or (ws.clean and not ws.reset_code), (ws.clean, ws.reset_code)
            assert await eventually(lambda: echo.closed == [4001, 4002])
            assert time.monotonic() - began < 1.5 * PATIENCE
            assert await eventually(lambda: postern.total("postern_requests_total", status_class="1xx") == 2, 1.5)

    asyncio.run(run())


def test_status_101_is_what_logs_and_metrics_show(postern_with, bridge, tmp_path):
    log = tmp_path / "access.log"

    async def run():
        async with bridge.echo() as echo:
            postern = postern_with(bridge.settings(echo.endpoint, access_log={"path": str(log)}))
            async with bridge.connect(postern, "/echo?token=1", user_agent_header="ua/1.0") as ws:
                await ws.send("x" * 1000)
                await ws.recv()
            assert await eventually(lambda: log.exists() and log.read_text().strip())
            record = json.loads(log.read_text().splitlines()[0])
            assert record["status"] == 101 and record["user_agent"] == "ua/1.0", record
            assert record["method"] in ("GET", "CONNECT") and "/echo" in json.dumps(record), record
            assert record["bytes_in"] > 0 and record["bytes_out"] > 0, record
            assert "error" not in record, record
            assert postern.total("postern_requests_total", status_class="1xx") == 1

    asyncio.run(run())


# ---- raw sockets: only HTTP/1 on both sides


def agree(conn, request, extra: str = "", accept: str | None = None) -> None:
    """The origin's 101 to postern's own key."""
    key = request.fields["sec-websocket-key"]
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    conn.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Accept: {accept or base64.b64encode(digest).decode()}\r\n{extra}\r\n".encode()
    )


def take_all(conn) -> None:
    """What comes up to the end; it stands in conn.raw. Nothing of it is another request."""
    while conn.receive():
        pass
    conn.buffer.clear()
    conn.close()


def hold(conn, request) -> None:
    agree(conn, request)
    take_all(conn)


def open_raw(site, path: str, behind: str = ""):
    client = site.client()
    client.send(f"GET {path} HTTP/1.1\r\nHost: a.test\r\n{UPGRADE}\r\n{behind}")
    answer = client.read_head()
    assert answer.status == 101, answer.head
    return client, answer


def tunnelled(conn) -> bytes:
    return bytes(conn.raw).split(b"\r\n\r\n", 1)[1]


def test_the_handshake_of_each_hop_is_its_own(site):
    def script(conn, request):
        agree(conn, request, "Sec-WebSocket-Protocol: chat\r\nX-Kept: k\r\nContent-Length: 0\r\n")
        take_all(conn)

    path = site.origin.on("/s/ws-own", script)
    client, answer = open_raw(site, path)
    with client:
        assert answer.fields.all("sec-websocket-accept") == [ACCEPT]
        assert answer.fields.tokens("connection") == ["upgrade"] and answer.fields.all("upgrade") == ["websocket"]
        assert answer.fields["sec-websocket-protocol"] == "chat" and answer.fields["x-kept"] == "k"
        assert "content-length" not in answer.fields and "transfer-encoding" not in answer.fields
    seen = site.origin.last(path)
    assert seen.fields["sec-websocket-key"] != KEY and seen.fields.tokens("connection") == ["upgrade"]


def test_i6_early_bytes_wait_for_the_101(site):
    """What the client sends with its request reaches the origin behind the 101 and not before."""
    before = []

    def script(conn, request):
        time.sleep(0.1)
        conn.sock.settimeout(0.1)
        try:
            before.append(conn.sock.recv(100))
        except TimeoutError:
            before.append(b"")
        hold(conn, request)

    path = site.origin.on("/s/ws-early", script)
    client, _ = open_raw(site, path, "\x81\x80abcd")
    with client:
        conn = site.origin.connection_of(site.origin.last(path))
        assert site.origin.wait_for(lambda: tunnelled(conn) == b"\x81\x80abcd")
        assert before == [b""]


def bad_agreements():
    whole = f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {ACCEPT}\r\n"
    return {
        "no-accept": "Connection: Upgrade\r\nUpgrade: websocket\r\n",
        "accept-of-the-clients-key": whole,
        "h2c": "Connection: Upgrade\r\nUpgrade: h2c\r\n",
    }


@pytest.mark.parametrize("fields", bad_agreements().values(), ids=bad_agreements())
def test_i8_a_101_that_agrees_to_something_else_is_502(site, fields):
    def script(conn, request):
        conn.send(f"HTTP/1.1 101 Switching Protocols\r\n{fields}\r\nSECRET".encode())
        conn.receive()
        conn.close()

    path = site.origin.on("/s/ws-i8", script)
    with site.client() as client:
        answer = client.get(path, headers=UPGRADE)
        assert answer.status == 502
        check_problem(answer)
        client.how_it_ends()


def test_i7_a_wrong_version_learns_the_right_one(site):
    with site.client() as client:
        answer = client.get("/c/ws", headers=UPGRADE.replace("13", "8"))
        assert answer.status == 426 and answer.fields["sec-websocket-version"] == "13"
        assert answer.fields["upgrade"] == "websocket" and answer.fields.tokens("connection") == ["upgrade", "close"]
        client.how_it_ends()


def test_an_ordinary_answer_comes_through_whole(site):
    def script(conn, request):
        conn.answer(401, b"who are you?", "WWW-Authenticate: Basic\r\n")

    path = site.origin.on("/s/ws-401", script)
    with site.client() as client:
        answer = client.get(path, headers=UPGRADE)
        assert answer.status == 401 and answer.body == b"who are you?" and "www-authenticate" in answer.fields
        client.how_it_ends()


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_a_client_that_vanishes_is_missed_at_once(site, how):
    path = site.origin.on(f"/abort/ws-gone-{how}", hold)  # on_client_fin = "abort" changes nothing here
    late = []
    for _ in range(5):
        client, _ = open_raw(site, path)
        conn = site.origin.connection_of(site.origin.last(path))
        client.send("\x81\x80abcd")
        assert site.origin.wait_for(lambda: tunnelled(conn) == b"\x81\x80abcd")
        began = time.monotonic()
        client.reset() if how == "reset" else client.close()
        assert site.origin.wait_for(lambda: conn.ended), "the upstream never heard of it"
        late.append(time.monotonic() - began)
    assert min(late) < 0.03 * PATIENCE, late


def test_a_half_closed_client_still_hears_the_rest(site):
    def script(conn, request):
        agree(conn, request)
        take_all(conn)
        conn.send(b"\x81\x04rest")

    path = site.origin.on("/abort/ws-half", script)
    client, _ = open_raw(site, path)
    with client:
        client.send("\x81\x80abcd").fin()
        client.wait_for(b"rest")
        assert client.read_some(100) == b"\x81\x04rest"
        assert client.ended == "fin"


def test_an_upstream_that_breaks_breaks_the_client(site):
    def script(conn, request):
        agree(conn, request)
        conn.send(b"\x82\x7e\xff\xffhalf")
        conn.receive()
        conn.reset()

    path = site.origin.on("/s/ws-broken", script)
    client, _ = open_raw(site, path)
    with client:
        client.wait_for(b"half")
        client.send("\x81\x80abcd")
        client.read_some(10)
        assert client.ended is None or client.ended == "reset"
        client.buffer.clear()
        assert client.how_it_ends() == "reset"


def test_a_slow_reader_slows_the_sender_and_nothing_grows(postern_with, make_origin):
    origin = make_origin()
    sent = []

    def script(conn, request):
        agree(conn, request)
        conn.sock.settimeout(1)
        frame = b"\x82\x7f" + struct.pack(">Q", 1 << 20) + bytes(1 << 20)
        try:
            for _ in range(64):
                conn.sock.sendall(frame)
                sent.append(1)
        except (TimeoutError, OSError):
            pass
        conn.close()

    path = origin.on("/ws-slow", script)
    postern = postern_with(simple(origin))
    before = postern.rss_kib()
    with postern.client() as client:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send(f"GET {path} HTTP/1.1\r\nHost: a.test\r\n{UPGRADE}\r\n")
        time.sleep(0.8)
        assert len(sent) < 40
        assert SANITIZED or postern.rss_kib() - before < 4096


# ---- HTTP/2 origins that are told what to do


@pytest.fixture
def make_h2_origin():
    made: list[H2Origin] = []

    def make(**options) -> H2Origin:
        made.append(H2Origin(**options))
        return made[-1]

    yield make
    for one in made:
        one.close()
        assert not one.violations, one.violations


@pytest.mark.parametrize("bridge", ["h1-h2", "h2-h2"], indirect=True)
def test_an_upstream_without_extended_connect_is_501(postern_with, bridge, make_h2_origin):
    async def run():
        origin = make_h2_origin()
        postern = postern_with(bridge.settings(origin.endpoint))
        for _ in range(2):
            with pytest.raises(InvalidStatus) as refused:
                async with bridge.connect(postern):
                    pass
            answer = refused.value.response
            assert answer.status_code == 501, answer
            assert answer.headers["content-type"].startswith("application/problem+json")
        assert not origin.requests

    asyncio.run(run())


@pytest.mark.parametrize("bridge", ["h1-h2", "h2-h2"], indirect=True)
def test_an_end_is_an_end_and_no_reset(postern_with, bridge, make_h2_origin):
    """The server's Close and END_STREAM, then the client's: both arrive whole, and no stream is reset."""

    def script(conn, request):
        conn.head(request, 200, [("sec-websocket-accept", "not a thing of HTTP/2")])
        conn.data(request, b"\x88\x02\x0f\xa1", end=True)

    async def run():
        origin = make_h2_origin(settings={8: 1})
        origin.on("/echo", script, early=True)
        postern = postern_with(bridge.settings(origin.endpoint))
        for number in range(5):
            ws = await bridge.connect(postern)
            with pytest.raises(ConnectionClosed):
                await ws.recv()
            assert ws.close_code == 4001
            await ws.wait_closed()
            assert not bridge.links or (ws.clean and not ws.reset_code)
            assert await eventually(lambda: len(origin.requests) == number + 1 and origin.requests[-1].ended), number
            request = origin.requests[-1]
            assert request.body[:2] == b"\x88\x82" and len(request.body) == 8 and request.reset is None
            assert request.get(":protocol") == "websocket" and request.get("sec-websocket-key") is None

    asyncio.run(run())


@pytest.mark.parametrize("how", ["stream", "connection"])
@pytest.mark.parametrize("bridge", ["h1-h2", "h2-h2"], indirect=True)
def test_an_http2_upstream_that_breaks_breaks_the_client(postern_with, bridge, make_h2_origin, how):
    def script(conn, request):
        conn.head(request, 200)
        conn.data(request, b"\x81\x04half\x82\x7e\xff\xffhalf")
        time.sleep(0.05)
        conn.reset(request, 2) if how == "stream" else conn.kill()

    async def run():
        origin = make_h2_origin(settings={8: 1})
        origin.on("/echo", script, early=True)
        postern = postern_with(bridge.settings(origin.endpoint))
        ws = await bridge.connect(postern)
        assert await ws.recv() == "half"
        with pytest.raises((ConnectionClosed, ConnectionResetError)):
            await ws.recv()
        assert ws.close_code == 1006
        if bridge.links:
            assert ws.reset_code is not None and not ws.clean
        assert await eventually(lambda: postern.total("postern_request_errors_total", reason="upstream_truncated") == 1)

    asyncio.run(run())


@pytest.mark.parametrize("bridge", ["h1-h2", "h2-h2"], indirect=True)
def test_a_goaway_of_the_upstream_leaves_open_tunnels_alone(postern_with, bridge, make_h2_origin):
    def script(conn, request):
        conn.head(request, 200)
        conn.data(request, b"\x81\x01" + str(conn.number).encode())

    async def run():
        origin = make_h2_origin(settings={8: 1})
        origin.on("/echo", script, early=True)
        postern = postern_with(bridge.settings(origin.endpoint))
        first = await bridge.connect(postern, compression=None)
        assert await first.recv() == "0"
        origin.connections[0].go_away(origin.requests[0].stream)
        await asyncio.sleep(0.1)
        second = await bridge.connect(postern, compression=None)
        assert await second.recv() == "1"
        await first.send("still here")
        assert await eventually(lambda: len(origin.requests[0].body) == 6 + len("still here"))
        origin.connections[0].data(origin.requests[0], b"\x81\x03yes")
        assert await first.recv() == "yes"

    asyncio.run(run())


# ---- raw frames: HTTP/2 clients that do as they like


def ask_h2(client, path: str, *fields: tuple, method: str = "CONNECT", end: bool = False, protocol: str = "websocket"):
    version = [] if any(name == "sec-websocket-version" for name, _ in fields) else [("sec-websocket-version", "13")]
    head = [(":method", method), (":protocol", protocol), (":scheme", "http"), (":authority", "a.test"), (":path", path)]
    return client.open([*head, *version, *fields], end=end)


def test_frames_before_the_agreement_wait_for_it(h2_site):
    before = []

    def script(conn, request):
        time.sleep(0.1)
        conn.sock.settimeout(0.1)
        try:
            before.append(conn.sock.recv(100))
        except TimeoutError:
            before.append(b"")
        hold(conn, request)

    path = h2_site.origin.on("/s/ws2-early", script)
    with h2_site.h2() as client:
        answer = ask_h2(client, path, ("sec-websocket-key", "never passed on"))
        client.data(answer.stream, b"\x81\x80abcd")
        client.wait_head(answer)
        assert answer.status == 200 and not answer.ended
        assert "sec-websocket-accept" not in answer.fields and "upgrade" not in answer.fields
        seen = h2_site.origin.last(path)
        conn = h2_site.origin.connection_of(seen)
        assert h2_site.origin.wait_for(lambda: tunnelled(conn) == b"\x81\x80abcd")
        assert before == [b""]
        assert seen.fields["upgrade"].lower() == "websocket" and len(seen.fields["sec-websocket-key"]) == 24


def test_an_http2_client_that_has_ended_still_hears_the_rest(h2_site):
    def script(conn, request):
        agree(conn, request)
        take_all(conn)
        conn.send(b"\x81\x04rest")

    path = h2_site.origin.on("/s/ws2-half", script)
    with h2_site.h2() as client:
        answer = ask_h2(client, path)
        client.wait_head(answer)
        client.data(answer.stream, b"\x81\x80abcd", end=True)
        client.wait(answer)
        assert bytes(answer.body) == b"\x81\x04rest" and answer.ended


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"fields": [("sec-websocket-version", "8")]}, 400),
        ({"end": True}, 400),
        ({"fields": [("content-length", "5")]}, 400),
        ({"protocol": "connect-udp"}, 501),
    ],
    ids=["version", "end", "length", "protocol"],
)
def test_what_is_no_handshake_over_http2(h2_site, fields, status):
    with h2_site.h2() as client:
        answer = ask_h2(client, "/s/ws2-bad", *fields.pop("fields", []), **fields)
        client.wait(answer)
        assert answer.status == status and answer.ended, answer
        check_problem(answer)
        assert not h2_site.origin.to("/s/ws2-bad")
        assert client.get("/local").status == 200


def test_a_protocol_without_connect_is_a_stream_error(h2_site):
    with h2_site.h2() as client:
        answer = client.wait(ask_h2(client, "/s/ws2-get", method="GET"))
        assert answer.reset == 1 or answer.status == 400
        assert client.get("/local").status == 200


@pytest.mark.parametrize("fields", bad_agreements().values(), ids=bad_agreements())
def test_a_bad_101_is_502_over_http2(h2_site, fields):
    def script(conn, request):
        conn.send(f"HTTP/1.1 101 Switching Protocols\r\n{fields}\r\nSECRET".encode())
        conn.receive()
        conn.close()

    path = h2_site.origin.on("/s/ws2-i8", script)
    with h2_site.h2() as client:
        answer = client.wait(ask_h2(client, path))
        assert answer.status == 502 and b"SECRET" not in answer.body
        check_problem(answer)
        assert client.get("/local").status == 200
