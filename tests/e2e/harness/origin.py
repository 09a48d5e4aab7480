"""An origin that records exactly what it receives and answers by script.

One thread per connection, so that a script is plain code: `def script(conn, request): conn.send(...)`.
The default answer is a 200 that carries `X-Origin: <name>`: only an origin's answer has that field.
"""

from __future__ import annotations

import re
import socket
import ssl
import struct
import threading
import time
from collections import defaultdict
from typing import Callable

from harness.message import BadMessage, BodyReader, Message, parse_request_head, take_lines

#: Marks that a test puts into its bytes: T<nine digits> belongs there, E<nine digits> must never arrive.
MARK = re.compile(rb"[TE]\d{9}")
RECORD_LIMIT = 256 * 1024


class Connection:
    """One accepted connection; what a script works with."""

    def __init__(self, origin: "Origin", sock: socket.socket, number: int):
        self.origin, self.sock, self.number = origin, sock, number
        self.buffer = bytearray()
        self.raw = bytearray()  # the first RECORD_LIMIT bytes received
        self.ended: str | None = None  # how the peer ended it: fin, reset
        self.requests: list[Message] = []
        self.closing = False
        self.tls_peer: dict | None = None

    def receive(self, timeout: float | None = None, size: int = 262144) -> bool:
        """More bytes into the buffer; False when the peer has ended."""
        self.sock.settimeout(timeout)
        try:
            data = self.sock.recv(size)
        except TimeoutError:
            raise
        except OSError:
            self.ended = "reset"
            return False
        if not data:
            self.ended = "fin"
            return False
        self.buffer += data
        tail = bytes(self.raw[-9:])
        if len(self.raw) < RECORD_LIMIT:
            self.raw += data
            found = MARK.findall(tail + data)
            if found:
                self.origin.marks.update(found)
        return True

    def send(self, data: bytes) -> None:
        self.sock.settimeout(30)
        self.sock.sendall(data)

    def answer(self, status: int = 200, body: bytes = b"ok", headers: str = "", reason: str = "Reason") -> None:
        """A plain answer with Content-Length and X-Origin."""
        head = f"HTTP/1.1 {status} {reason}\r\nX-Origin: {self.origin.name}\r\n{headers}"
        if status not in (204, 304):
            head += f"Content-Length: {len(body)}\r\n"
        bodiless = status in (204, 304) or (self.requests and self.requests[-1].method == "HEAD")
        self.send(head.encode("latin-1") + b"\r\n" + (b"" if bodiless else body))

    def read_body(self, request: Message, keep: bool = True) -> bool:
        """Reads the request's body; False when the peer ended before it was complete."""
        reader = BodyReader(request, keep)
        while not reader.feed(self.buffer):
            request.body = b""
            if not self.receive():
                request.body = reader.so_far()
                return False
        return True

    def close(self) -> None:
        """An orderly end, when the script returns."""
        self.closing = True

    def reset(self) -> None:
        self.closing = True
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


Script = Callable[[Connection, Message], None]


def echo(conn: Connection, request: Message) -> None:
    conn.answer()


class Origin:
    """Listens on a port of its own (or a Unix path) from construction to close().

    `idle_close`: seconds after which an idle keep-alive connection is closed, as uvicorn does after 5.
    """

    def __init__(
        self,
        name: str = "o1",
        path: str | None = None,
        tls: ssl.SSLContext | None = None,
        idle_close: float | None = None,
        port: int = 0,
        host: str = "127.0.0.1",
    ):
        self.name, self.tls, self.idle_close = name, tls, idle_close
        self.scripts: dict[str, tuple[Script, bool]] = {}
        self.lock = threading.Lock()
        self.connections: list[Connection] = []
        self.requests: list[Message] = []
        self.by_mark: dict[bytes, list[Message]] = defaultdict(list)
        self.marks: set[bytes] = set()
        self.violations: list[str] = []
        self.default: Script = echo
        if path:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.bind(path)
            self.endpoint = f"unix:{path}"
        else:
            self.sock = socket.socket()
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.sock.bind((host, port))
            self.port = self.sock.getsockname()[1]
            self.endpoint = f"{host}:{self.port}"
        self.sock.listen(1024)
        self.stopped = False
        threading.Thread(target=self._accept, daemon=True).start()

    def on(self, path: str, script: Script, early: bool = False) -> str:
        """Answers `path` (and what is below it) by script; `early` runs it before the body is read."""
        self.scripts[path] = (script, early)
        return path

    def close(self) -> None:
        self.stopped = True
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        for conn in list(self.connections):
            if conn.ended is None:
                try:
                    conn.sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def to(self, path: str) -> list[Message]:
        """Every request to that exact target so far."""
        with self.lock:
            return [request for request in self.requests if request.target == path]

    def last(self, path: str, wait: float = 2.0) -> Message:
        """The newest request to that target; waits a moment for it."""
        found = self.wait_for(lambda: self.to(path), wait)
        assert found, f"no request to {path} reached origin {self.name}"
        return found[-1]

    @staticmethod
    def wait_for(condition: Callable, wait: float = 3.0):
        """Polls until the condition is true, and returns its value (or the last one)."""
        deadline = time.monotonic() + wait
        while True:
            value = condition()
            if value or time.monotonic() > deadline:
                return value
            time.sleep(0.005)

    def connection_of(self, request: Message) -> Connection:
        return next(conn for conn in self.connections if any(one is request for one in conn.requests))

    def open_connections(self) -> int:
        return sum(conn.ended is None for conn in list(self.connections))

    def _accept(self) -> None:
        while not self.stopped:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conn = Connection(self, sock, len(self.connections))
            self.connections.append(conn)
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn: Connection) -> None:
        try:
            if self.tls is not None:
                conn.sock.settimeout(5)
                conn.sock = self.tls.wrap_socket(conn.sock, server_side=True)
                conn.tls_peer = conn.sock.getpeercert()
            while not conn.closing and self._one(conn):
                pass
        except BadMessage as problem:
            self.violations.append(f"connection {conn.number}: {problem}")
        except TimeoutError:
            pass
        except OSError:
            conn.ended = conn.ended or "reset"
        finally:
            conn.ended = conn.ended or "us"
            conn.sock.close()

    def _one(self, conn: Connection) -> bool:
        while (lines := take_lines(conn.buffer)) is None:
            if not conn.receive(self.idle_close):
                if conn.buffer:
                    self.violations.append(f"connection {conn.number}: {conn.ended} inside a head")
                return False
        request = parse_request_head(lines)
        conn.requests.append(request)
        with self.lock:
            self.requests.append(request)
            for mark in MARK.findall(request.head):
                self.by_mark[mark].append(request)
        path = request.target.split("?")[0]
        script, early = self._script_for(path)
        if not early:
            if "100-continue" in request.fields.tokens("expect") and not conn.buffer:
                conn.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            if not conn.read_body(request):
                return False
        script(conn, request)
        return not conn.closing

    def _script_for(self, path: str) -> tuple[Script, bool]:
        while path not in self.scripts and path.rfind("/") > 0:
            path = path[: path.rfind("/")]
        return self.scripts.get(path, (self.default, False))
