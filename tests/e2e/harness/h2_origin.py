"""An HTTP/2 origin on PyPI's `h2`: records what it gets and answers by script. Prior knowledge, or ALPN over TLS.

One thread per connection. A script is called with the connection and the request when the request is complete (its
END_STREAM has come), or with its head where `early` was asked for:

    def script(conn, request):
        conn.answer(request, 200, b"body")
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Callable

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings


@dataclass
class Request:
    stream: int
    headers: list[tuple[str, str]]
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    ended: bool = False
    reset: int | None = None  # the code with which the client gave up, and when
    reset_at: float = 0.0
    connection: "Connection | None" = None

    def get(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def path(self) -> str:
        return self.get(":path") or ""


Script = Callable[["Connection", Request], None]


class Connection:
    def __init__(self, origin: "H2Origin", sock: socket.socket, number: int):
        self.origin, self.sock, self.number = origin, sock, number
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8", validate_outbound_headers=False,
                                           normalize_outbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        if origin.settings:
            self.h2.local_settings = h2.settings.Settings(client=False, initial_values=origin.settings)
        self.requests: dict[int, Request] = {}
        self.streams = 0
        self.max_open = 0
        self.goaway: int | None = None  # of the client
        self.ended = False
        self.closing = False
        self.hold_windows = False
        self.write_lock = threading.RLock()

    # What scripts use
    def flush(self) -> None:
        with self.write_lock:
            data = self.h2.data_to_send()
            if data:
                try:
                    self.sock.sendall(data)
                except OSError:
                    self.closing = True

    def head(self, request: Request, status: int, headers=(), end: bool = False) -> None:
        with self.write_lock:
            fields = [(":status", str(status)), ("x-origin", self.origin.name), *headers]
            self.h2.send_headers(request.stream, fields, end_stream=end)
            self.flush()

    def data(self, request: Request, data: bytes, end: bool = False) -> None:
        """Waits for window: reads what the client says meanwhile."""
        while data:
            room = min(self.h2.local_flow_control_window(request.stream), self.h2.max_outbound_frame_size, len(data))
            if room <= 0:
                if not self.read_once():
                    return
                continue
            with self.write_lock:
                self.h2.send_data(request.stream, data[:room], end_stream=end and room == len(data))
                self.flush()
            data = data[room:]
            end_sent = end and not data
            if end_sent:
                return
        if end:
            self.h2.end_stream(request.stream)
            self.flush()

    def trailers(self, request: Request, fields) -> None:
        self.h2.send_headers(request.stream, list(fields), end_stream=True)
        self.flush()

    def answer(self, request: Request, status: int = 200, body: bytes = b"ok", headers=()) -> None:
        self.head(request, status, [("content-length", str(len(body))), *headers], end=not body)
        if body:
            self.data(request, body, end=True)

    def reset(self, request: Request, code: int) -> None:
        self.h2.reset_stream(request.stream, code)
        self.flush()

    def go_away(self, last: int, code: int = 0) -> None:
        """As a frame of our own: h2 would refuse to serve what is still open."""
        payload = struct.pack("!II", last, code)
        self.raw(struct.pack("!I", len(payload))[1:] + b"\x07\x00" + struct.pack("!I", 0) + payload)

    def raw(self, data: bytes) -> None:
        with self.write_lock:
            self.flush()
            self.sock.sendall(data)

    def kill(self) -> None:
        """With RST."""
        self.closing = True
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    # The loop
    def run(self) -> None:
        try:
            self.h2.initiate_connection()
            self.flush()
            while not self.closing and self.read_once():
                pass
        except (OSError, h2.exceptions.ProtocolError, ssl.SSLError) as error:
            if not self.closing:
                self.origin.violations.append(repr(error))
        finally:
            self.ended = True
            try:
                self.sock.close()
            except OSError:
                pass

    def read_once(self) -> bool:
        if self.closing:
            return False
        try:
            data = self.sock.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.closing = True
            return False
        ready: list[Request] = []
        for event in self.h2.receive_data(data):
            self.on_event(event, ready)
        self.flush()
        for request in ready:
            self.serve(request)
        return not self.closing

    def on_event(self, event, ready: list[Request]) -> None:
        if isinstance(event, h2.events.RequestReceived):
            request = Request(event.stream_id, [(str(k), str(v)) for k, v in event.headers], connection=self)
            self.requests[event.stream_id] = request
            self.streams += 1
            self.max_open = max(self.max_open, sum(1 for r in self.requests.values() if not r.ended))
            with self.origin.lock:
                self.origin.requests.append(request)
            if self.origin.is_early(request.path):
                ready.append(request)
        elif isinstance(event, h2.events.DataReceived):
            request = self.requests[event.stream_id]
            request.body += event.data
            if not self.hold_windows and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            self.requests[event.stream_id].trailers = [(str(k), str(v)) for k, v in event.headers]
        elif isinstance(event, h2.events.StreamEnded):
            request = self.requests[event.stream_id]
            request.ended = True
            if not self.origin.is_early(request.path):
                ready.append(request)
        elif isinstance(event, h2.events.StreamReset):
            request = self.requests.get(event.stream_id)
            if request:
                request.reset, request.reset_at = int(event.error_code), time.monotonic()
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = int(event.error_code)

    def serve(self, request: Request) -> None:
        script = self.origin.script_for(request.path)
        try:
            script(self, request)
        except (h2.exceptions.StreamClosedError, h2.exceptions.NoSuchStreamError):
            pass  # the client gave up


def default(conn: Connection, request: Request) -> None:
    conn.answer(request)


class H2Origin:
    def __init__(self, name: str = "h2", tls: ssl.SSLContext | None = None, settings: dict | None = None):
        self.name, self.tls, self.settings = name, tls, settings
        self.lock = threading.Lock()
        self.scripts: dict[str, tuple[Script, bool]] = {}
        self.requests: list[Request] = []
        self.connections: list[Connection] = []
        self.violations: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    def on(self, path: str, script: Script, early: bool = False) -> None:
        """Paths without their query; a script for "/a*" serves all that begin with "/a"."""
        self.scripts[path] = (script, early)

    def _find(self, target: str):
        path = target.split("?")[0]
        if path in self.scripts:
            return self.scripts[path]
        return next((s for p, s in self.scripts.items() if p.endswith("*") and path.startswith(p[:-1])), None)

    def script_for(self, path: str) -> Script:
        found = self._find(path)
        return found[0] if found else default

    def is_early(self, path: str) -> bool:
        found = self._find(path)
        return bool(found and found[1])

    def got(self, path: str) -> list[Request]:
        with self.lock:
            return [r for r in self.requests if r.path.split("?")[0] == path]

    def last(self, path: str) -> Request:
        return self.got(path)[-1]

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls:
            try:
                sock = self.tls.wrap_socket(sock, server_side=True)
            except (OSError, ssl.SSLError):
                return
        with self.lock:
            connection = Connection(self, sock, len(self.connections))
            self.connections.append(connection)
        connection.run()

    def close(self) -> None:
        self.listener.close()
        for connection in self.connections:
            connection.closing = True
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
