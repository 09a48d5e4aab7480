"""A client that speaks bytes: sends what it is told and reads answers with the strict reader."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import time

from harness import leaks
from harness.message import BadMessage, BodyReader, Message, parse_response_head, take_lines

#: Every timeout of the tests is multiplied by this; sanitizer builds are slow.
PATIENCE = float(os.environ.get("POSTERN_E2E_PATIENCE", "1"))
# A sanitizer holds back what was freed: how much memory the process takes says nothing then.
SANITIZED = "POSTERN_SANITIZED" in os.environ


class Closed(Exception):
    """The peer ended the connection before an answer was complete; `how` is "fin" or "reset"."""

    def __init__(self, how: str, partial: Message | None = None):
        super().__init__(how)
        self.how, self.partial = how, partial


class RawClient:
    """One connection. `address` is (host, port) or a path of a Unix socket; `tls` an SSLContext."""

    def __init__(
        self,
        address,
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
        timeout: float = 5.0,
        source: str | None = None,
        receive_buffer: int = 0,
        session: ssl.SSLSession | None = None,
    ):
        self.timeout = timeout * PATIENCE
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX)
        else:
            self.sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(self.timeout)
        try:
            if source:
                self.sock.bind((source, 0))
            self.sock.connect(address)
            if tls is not None:
                self.sock = tls.wrap_socket(
                    self.sock, server_hostname=server_name, session=session, suppress_ragged_eofs=False
                )
        except BaseException:
            self.sock.close()
            raise
        self.buffer = bytearray()
        self.ended: str | None = None
        self.bad = False

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(self, *unused) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    def reset(self) -> None:
        """Closes with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def send(self, data: bytes | str) -> "RawClient":
        data = data.encode("latin-1") if isinstance(data, str) else data
        leaks.notice(data)
        self.sock.settimeout(self.timeout)
        self.sock.sendall(data)
        return self

    def fin(self) -> "RawClient":
        """Ends our sending side."""
        self.sock.shutdown(socket.SHUT_WR)
        return self

    def _receive(self, deadline: float, size: int = 262144) -> None:
        if self.ended:
            return
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no complete answer in time")
        self.sock.settimeout(left)
        try:
            data = self.sock.recv(size)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
            self.ended = "reset"
            return
        except ssl.SSLZeroReturnError:
            data = b""
        if data:
            self.buffer += data
        else:
            self.ended = "fin"

    def read_head(self, head: bool = False, timeout: float | None = None, interim: bool = False) -> Message:
        """The next final head; interim ones are collected on it. `interim` True returns those as well."""
        deadline = time.monotonic() + (timeout * PATIENCE if timeout is not None else self.timeout)
        interims: list[Message] = []
        while True:
            lines = take_lines(self.buffer)
            if lines is None:
                if self.ended:
                    raise Closed(self.ended)
                self._receive(deadline)
                continue
            message = parse_response_head(lines, bodiless=head)
            if message.status < 200 and message.status != 101:
                if interim:
                    return message
                interims.append(message)
                continue
            message.interims = interims
            return message

    def read_body(self, message: Message, keep: bool = True, timeout: float | None = None) -> Message:
        """The body behind a head. Raises Closed when the connection ends before the body does."""
        deadline = time.monotonic() + (timeout * PATIENCE if timeout is not None else self.timeout)
        reader = BodyReader(message, keep)
        while not reader.feed(self.buffer, eof=self.ended == "fin"):
            if self.ended:
                message.body = reader.so_far()
                raise Closed(self.ended, message)
            self._receive(deadline)
        return message

    def wait_for(self, text: bytes, timeout: float | None = None) -> None:
        """Returns when the text has arrived; it stays to be read."""
        deadline = time.monotonic() + (timeout * PATIENCE if timeout is not None else self.timeout)
        while text not in self.buffer:
            if self.ended:
                raise Closed(self.ended)
            self._receive(deadline)

    def read_some(self, count: int, timeout: float | None = None) -> bytes:
        """At least `count` raw bytes (fewer at the end), taken off the buffer."""
        deadline = time.monotonic() + (timeout * PATIENCE if timeout is not None else self.timeout)
        while len(self.buffer) < count and not self.ended:
            self._receive(deadline)
        taken = bytes(self.buffer)
        self.buffer.clear()
        return taken

    def read(self, head: bool = False, keep: bool = True, timeout: float | None = None) -> Message:
        """The next complete answer."""
        return self.read_body(self.read_head(head, timeout), keep, timeout)

    def ask(self, data: bytes | str, head: bool = False, timeout: float | None = None) -> Message:
        return self.send(data).read(head, timeout=timeout)

    def get(self, target: str, host: str = "a.test", headers: str = "", method: str = "GET") -> Message:
        """`headers` are complete lines with their CRLF."""
        request = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n"
        return self.ask(request, head=method == "HEAD")

    def post(self, target: str, body: bytes, host: str = "a.test", headers: str = "", method: str = "POST") -> Message:
        request = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        return self.ask(request.encode("latin-1") + body)

    def how_it_ends(self, timeout: float | None = None) -> str:
        """Waits for the peer to close: "fin" or "reset"; bytes that still come are a failure."""
        deadline = time.monotonic() + (timeout * PATIENCE if timeout is not None else self.timeout)
        while not self.ended:
            self._receive(deadline)
        if self.buffer:
            raise BadMessage(f"bytes after the last answer: {bytes(self.buffer[:200])!r}")
        return self.ended

    def is_open(self, wait: float = 0.05) -> bool:
        """No end seen within a short wait."""
        try:
            self._receive(time.monotonic() + wait, 1)
        except TimeoutError:
            return True
        return self.ended is None
