"""WebSocket on HTTP/2 streams (RFC 8441): a client of `h2` and `wsproto`, and hypercorn as the echo server.

Both look like the library `websockets` to the tests: what a test does with that one it does with these.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from types import SimpleNamespace

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import hypercorn.asyncio
import hypercorn.config
import hypercorn.protocol
import hypercorn.protocol.h2
import pytest
import wsproto.connection
import wsproto.extensions
from hypercorn.protocol.events import StreamClosed
from hypercorn.protocol.ws_stream import WSStream
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Response
from wsproto.events import BytesMessage, CloseConnection, Message, Ping, Pong, TextMessage

ENABLE_CONNECT = 8
GOAWAY = 7
CANCEL = h2.errors.ErrorCodes.CANCEL


class Link(asyncio.Protocol):
    """One HTTP/2 connection of the client. `streams` are its tunnels, `goaways` the codes it was told goodbye with."""

    def __init__(self):
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        self.h2 = h2.connection.H2Connection(config)
        self.streams: dict[int, Tunnel] = {}
        self.goaways: list[int] = []
        self.opened, self.raw = 0, bytearray()
        self.ready, self.ended = asyncio.Event(), asyncio.Event()
        self.fin = False
        self.error: Exception | None = None

    @classmethod
    async def open(cls, address, context: ssl.SSLContext | None = None, name: str = "localhost") -> "Link":
        host, port = address
        make = asyncio.get_running_loop().create_connection
        _, link = await make(cls, host, port, ssl=context, server_hostname=name if context else None)
        await asyncio.wait_for(link.ready.wait(), 60)
        assert link.h2.remote_settings.get(ENABLE_CONNECT) == 1, "no extended CONNECT here"
        return link

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.scheme = "https" if transport.get_extra_info("ssl_object") else "http"
        if self.scheme == "https":
            assert transport.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
        self.h2.initiate_connection()
        self.flush()

    def flush(self) -> None:
        data = self.h2.data_to_send()
        if data and not self.transport.is_closing():
            self.transport.write(data)

    def without_goaways(self, data: bytes) -> bytes:
        """Whole frames. To `h2` a GOAWAY is the end of everything, also of the streams that it leaves in peace."""
        self.raw += data
        kept = bytearray()
        while len(self.raw) >= 9 and len(self.raw) >= 9 + (size := int.from_bytes(self.raw[:3], "big")):
            frame, self.raw = self.raw[: 9 + size], self.raw[9 + size :]
            if frame[3] == GOAWAY:
                self.goaways.append(int.from_bytes(frame[13:17], "big"))
            else:
                kept += frame
        return bytes(kept)

    def data_received(self, data: bytes) -> None:
        try:
            events = self.h2.receive_data(self.without_goaways(data))
        except h2.exceptions.ProtocolError as error:
            self.error = error
            self.transport.abort()
            return
        for event in events:
            self.handle(event)
        self.flush()

    def handle(self, event) -> None:
        if isinstance(event, h2.events.RemoteSettingsChanged):
            self.ready.set()
        elif isinstance(event, h2.events.WindowUpdated) and event.stream_id == 0:
            for stream in self.streams.values():
                stream.room.set()
        stream = self.streams.get(getattr(event, "stream_id", None))
        if stream is not None:
            stream.handle(event)

    def eof_received(self) -> None:
        self.fin = True

    def connection_lost(self, error) -> None:
        self.ended.set()
        self.ready.set()
        for stream in list(self.streams.values()):
            stream.gone = True
            stream.on_end()

    def close(self) -> None:
        """Goodbye, and a FIN."""
        if not self.transport.is_closing():
            try:
                self.h2.close_connection()
            except h2.exceptions.ProtocolError:
                pass
            self.flush()
            self.transport.close()

    async def websocket(self, path: str, **options) -> "Tunnel":
        self.opened += 1
        stream = Tunnel(self, self.h2.get_next_available_stream_id(), **options)
        await stream.handshake(path)
        return stream


class Tunnel:
    """One WebSocket. The names are those of `websockets`."""

    def __init__(self, link, stream: int, *, compression="deflate", subprotocols=(), origin=None, user_agent_header=None,
                 ping_interval=None, authority="localhost", own_link=True):
        self.link, self.stream, self.own_link = link, stream, own_link
        deflate = [wsproto.extensions.PerMessageDeflate()] if compression else []
        self.offered = deflate
        self.fields = [("sec-websocket-version", "13")]
        if deflate:
            self.fields.append(("sec-websocket-extensions", f"permessage-deflate; {deflate[0].offer()}"))
        if subprotocols:
            self.fields.append(("sec-websocket-protocol", ", ".join(subprotocols)))
        if origin:
            self.fields.append(("origin", origin))
        if user_agent_header:
            self.fields.append(("user-agent", user_agent_header))
        self.authority = authority
        self.messages: asyncio.Queue[list | None] = asyncio.Queue()
        self.parts: list = []
        self.part: list = []
        self.pongs: dict[bytes, asyncio.Future] = {}
        self.room, self.answered, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.status, self.answer, self.body = 0, [], bytearray()
        self.ws = None
        self.reset_code: int | None = None
        self.clean = False  # END_STREAM came
        self.gone = False  # reset, or the connection has ended: nothing more can be said
        self.was_told = False  # the first Close was the server's
        self.sent: Close | None = None
        self.received: Close | None = None
        self.subprotocol = None
        self.protocol = SimpleNamespace(extensions=[])

    async def handshake(self, path: str) -> None:
        pseudo = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", self.link.scheme),
                  (":authority", self.authority), (":path", path)]
        self.link.streams[self.stream] = self
        self.link.h2.send_headers(self.stream, pseudo + self.fields)
        self.link.flush()
        await asyncio.wait_for(self.answered.wait(), 60)
        if self.status == 200:
            return self.agree()
        if self.status:
            await asyncio.wait_for(self.ended.wait(), 60)
        self.leave()
        if not self.status:
            raise ConnectionClosed(None, None)
        raise InvalidStatus(Response(self.status, "", Headers(self.answer), bytes(self.body)))

    def agree(self) -> None:
        fields = Headers(self.answer)
        assert "sec-websocket-accept" not in fields, fields
        self.subprotocol = fields.get("sec-websocket-protocol")
        agreed = []
        if "sec-websocket-extensions" in fields:
            self.offered[0].finalize(fields["sec-websocket-extensions"])
            agreed = self.offered
        self.protocol.extensions = agreed
        self.ws = wsproto.connection.Connection(wsproto.connection.ConnectionType.CLIENT, agreed)

    # What comes

    def handle(self, event) -> None:
        if isinstance(event, h2.events.ResponseReceived):
            fields = [(str(name), str(value)) for name, value in event.headers]
            self.status = int(dict(fields)[":status"])
            self.answer = [(name, value) for name, value in fields if not name.startswith(":")]
            self.answered.set()
        elif isinstance(event, h2.events.WindowUpdated):
            self.room.set()
        elif isinstance(event, h2.events.DataReceived):
            self.link.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if not event.data:
                return  # the end comes by itself
            if self.status != 200:
                self.body += event.data
            else:
                if self.ws is None:  # in the same packet as the head
                    self.agree()
                self.ws.receive_data(event.data)
                self.take_events()
        elif isinstance(event, h2.events.StreamEnded):
            self.clean = True
            self.on_end()
        elif isinstance(event, h2.events.StreamReset):
            self.reset_code, self.gone = int(event.error_code), True
            self.on_end()

    def take_events(self) -> None:
        for event in self.ws.events():
            if isinstance(event, Message):
                self.part.append(event.data)
                if event.frame_finished:
                    self.parts.append(("" if isinstance(event, TextMessage) else b"").join(self.part))
                    self.part = []
                if event.message_finished:
                    self.messages.put_nowait(self.parts)
                    self.parts = []
            elif isinstance(event, Ping):
                asyncio.ensure_future(self.put(self.ws.send(event.response())))
            elif isinstance(event, Pong):
                waiting = self.pongs.pop(bytes(event.payload), None)
                if waiting and not waiting.done():
                    waiting.set_result(None)
            elif isinstance(event, CloseConnection):
                self.received = Close(event.code or 1005, event.reason or "")
                data = b""
                if self.sent is None:
                    self.sent, self.was_told = self.received, True
                    data = self.ws.send(event.response())
                self.messages.put_nowait(None)
                asyncio.ensure_future(self.put(data, end=True))

    def on_end(self) -> None:
        self.ended.set()
        self.answered.set()
        self.room.set()
        self.messages.put_nowait(None)
        for waiting in self.pongs.values():
            if not waiting.done():
                waiting.set_exception(self.closed())

    # What goes

    async def put(self, data: bytes, end: bool = False) -> None:
        """As the windows allow."""
        connection, view = self.link.h2, memoryview(data)
        try:
            while view:
                if self.gone:
                    return
                room = min(connection.local_flow_control_window(self.stream), connection.max_outbound_frame_size)
                if room <= 0:
                    self.room.clear()
                    await self.room.wait()
                    continue
                connection.send_data(self.stream, bytes(view[:room]))
                view = view[room:]
                self.link.flush()
            if end:
                connection.end_stream(self.stream)
                self.link.flush()
        except h2.exceptions.ProtocolError:
            pass  # it has ended meanwhile

    async def send_event(self, event) -> None:
        if self.ended.is_set() or self.sent or self.received:
            raise self.closed()
        await self.put(self.ws.send(event))

    async def send(self, message) -> None:
        parts = [message] if isinstance(message, (str, bytes)) else list(message)
        for number, part in enumerate(parts):
            kind = TextMessage if isinstance(part, str) else BytesMessage
            await self.send_event(kind(data=part, message_finished=number == len(parts) - 1))
        await asyncio.sleep(0)

    async def recv_parts(self) -> list:
        parts = await self.messages.get()
        if parts is None:
            self.messages.put_nowait(None)
            raise self.closed()
        return parts

    async def recv(self):
        parts = await self.recv_parts()
        return ("" if isinstance(parts[0], str) else b"").join(parts)

    async def recv_streaming(self):
        for part in await self.recv_parts():
            yield part

    async def ping(self, payload: bytes) -> asyncio.Future:
        self.pongs[payload] = asyncio.get_running_loop().create_future()
        await self.send_event(Ping(payload))
        return self.pongs[payload]

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if not (self.ended.is_set() or self.sent or self.received):
            self.sent = Close(code, reason)
            await self.put(self.ws.send(CloseConnection(code, reason)))
        await self.wait_closed()

    def reset(self) -> None:
        self.link.h2.reset_stream(self.stream, CANCEL)
        self.link.flush()
        self.gone = True
        self.on_end()

    async def wait_closed(self) -> None:
        try:
            await asyncio.wait_for(self.ended.wait(), 10)
        finally:
            self.leave()

    def leave(self) -> None:
        self.link.streams.pop(self.stream, None)
        if self.own_link:
            self.link.close()

    def closed(self) -> ConnectionClosed:
        return ConnectionClosed(self.received, self.sent, self.was_told if self.received and self.sent else None)

    @property
    def close_code(self) -> int | None:
        return self.received.code if self.received else 1006 if self.ended.is_set() else None

    @property
    def close_reason(self) -> str:
        return self.received.reason if self.received else ""


class Links:
    """The connections of one client; `per_link` tunnels on each."""

    def __init__(self, context: ssl.SSLContext | None):
        self.context, self.links, self.lock = context, [], asyncio.Lock()

    async def tunnel(self, address, path: str, per_link: int = 1, **options) -> Tunnel:
        async with self.lock:
            link = next((one for one in self.links if one.opened < per_link and not one.ended.is_set()), None)
            if link is None:
                link = await Link.open(address, self.context)
                self.links.append(link)
            link.opened += 1
        link.opened -= 1  # websocket() counts it
        return await link.websocket(path, own_link=per_link == 1, **options)

    def close(self) -> None:
        for link in self.links:
            link.close()


class Connecting:
    """What `connect()` gives: to be awaited, or an async context."""

    def __init__(self, start):
        self.start = start

    def __await__(self):
        return self.start().__await__()

    async def __aenter__(self) -> Tunnel:
        self.tunnel = await self.start()
        return self.tunnel

    async def __aexit__(self, *_) -> None:
        await self.tunnel.close()


class PatchedH2(hypercorn.protocol.h2.H2Protocol):
    """hypercorn (0.18) forgets a stream when it has answered its Close, and breaks the connection at its END_STREAM."""

    async def _handle_events(self, events) -> None:
        for event in events:
            if isinstance(event, h2.events.DataReceived) and event.stream_id not in self.streams:
                assert not event.data, "bytes behind a Close"
            else:
                await super()._handle_events([event])


class HypercornEcho:
    """The echo server over HTTP/2: prior knowledge, or ALPN with `pair`. `vanished` are the times of ends without Close."""

    def __init__(self, pair=None, subprotocols=(), **_):
        self.pair, self.subprotocols = pair, list(subprotocols)
        self.closed: list[int] = []
        self.requests: list[SimpleNamespace] = []

    async def app(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            return
        fields = Headers([(name.decode(), value.decode("latin-1")) for name, value in scope["headers"]])
        self.requests.append(SimpleNamespace(headers=fields, path=scope["path"], version=scope["http_version"]))
        await receive()  # websocket.connect
        if scope["path"] == "/declined":
            await send({"type": "websocket.close"})
            return
        chosen = next((one for one in self.subprotocols if one in scope["subprotocols"]), None)
        await send({"type": "websocket.accept", "subprotocol": chosen})
        while (event := await receive())["type"] == "websocket.receive":
            text, data = event.get("text"), event.get("bytes")
            if text == "close 4001":
                await send({"type": "websocket.close", "code": 4001, "reason": "as you said"})
            elif text is not None:
                await send({"type": "websocket.send", "text": text})
            else:
                await send({"type": "websocket.send", "bytes": data})

    def recording_stream(self):
        """ASGI has no word for the code of a Close: it is read where hypercorn answers or sends one."""
        echo = self

        class Recorded(WSStream):
            said_goodbye = False

            async def _send_wsproto_event(self, event):
                if isinstance(event, CloseConnection) and not self.said_goodbye:
                    self.said_goodbye = True
                    echo.closed.append(event.code)
                await super()._send_wsproto_event(event)

            async def handle(self, event):
                if isinstance(event, StreamClosed) and not self.closed and not self.said_goodbye and self.app_put:
                    self.said_goodbye = True
                    echo.closed.append(1006)
                await super().handle(event)

        return Recorded

    async def __aenter__(self) -> "HypercornEcho":
        self.patches = pytest.MonkeyPatch()
        self.patches.setattr(hypercorn.protocol.h2, "WSStream", self.recording_stream())
        self.patches.setattr(hypercorn.protocol, "H2Protocol", PatchedH2)
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        sock.listen(1024)
        self.endpoint = f"127.0.0.1:{sock.getsockname()[1]}"
        config = hypercorn.config.Config()
        config.bind = [f"fd://{os.dup(sock.fileno())}"]
        sock.close()
        config.graceful_timeout, config.loglevel, config.errorlog = 0.05, "ERROR", None
        config.keep_alive_max_requests = 10**6
        if self.pair is not None:
            config.certfile, config.keyfile = str(self.pair.cert), str(self.pair.key)
        self.stop = asyncio.Event()
        self.server = asyncio.create_task(hypercorn.asyncio.serve(self.app, config, shutdown_trigger=self.stop.wait))
        return self

    async def __aexit__(self, *_) -> None:
        self.stop.set()
        try:
            await asyncio.wait_for(asyncio.shield(self.server), 3)
        except (asyncio.TimeoutError, asyncio.CancelledError, Exception):
            self.server.cancel()
        self.patches.undo()
