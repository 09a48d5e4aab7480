"""What the attacks share: a connection that sends as fast as it can, reads if it wants to, and notes how it ends."""

from __future__ import annotations

import ipaddress
import select
import socket
import time

from harness.h2_client import (
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    hpack_string,
    make_frame,
    settings_frame,
)

#: GET http://a.test/local, from HPACK's static table but for the host and the path.
def request_block(path: str = "/local", method: str = "GET") -> bytes:
    first = {"GET": b"\x82", "POST": b"\x83"}[method]
    return first + b"\x86" + b"\x01" + hpack_string(b"a.test") + b"\x04" + hpack_string(path.encode())


def request(stream: int, path: str = "/local", method: str = "GET", end: bool = True, more: bytes = b"") -> bytes:
    return make_frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, request_block(path, method) + more)


class Attacker:
    """One connection of an attack; `reads` False leaves everything that comes in the socket."""

    def __init__(self, address: tuple[str, int], until: float, reads: bool = True, settings=None, receive_buffer: int = 0,
                 preface: bytes = PREFACE):
        assert ipaddress.ip_address(address[0]).is_loopback, "attacks are for loopback"
        self.until, self.reads = until, reads
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.connect(address)
        self.sock.setblocking(False)
        self.ended = ""
        self.goaway: int | None = None
        self.resets = 0
        self.sent = 0
        self.stalled = 0.0
        self.buffer = bytearray()
        whole = settings_frame(settings or {}) + make_frame(SETTINGS, 1) if preface == PREFACE else b""
        self.push(preface + whole)

    @property
    def over(self) -> bool:
        return bool(self.ended) or time.monotonic() >= self.until

    def push(self, data: bytes, patience: float = 1e9) -> bool:
        """Sends it all, reading meanwhile; False when the end came first, or nothing went for `patience` seconds."""
        left = memoryview(data)
        moved = time.monotonic()
        while left and not self.over:
            self.read()
            try:
                count = self.sock.send(left)
                self.sent += count
                left, moved = left[count:], time.monotonic()
            except BlockingIOError:
                if time.monotonic() - moved > patience:
                    return False
                select.select([self.sock] if self.reads else [], [self.sock], [], 0.05)
            except OSError:
                self.read(force=True)
                self.ended = self.ended or "reset"
        return not left and not self.ended

    def read(self, force: bool = False) -> None:
        if not (self.reads or force):
            return
        while not self.ended:
            try:
                data = self.sock.recv(262144)
            except BlockingIOError:
                return
            except OSError:
                self.ended = "reset"
                break
            if not data:
                self.ended = "fin"
                break
            self.buffer += data
            self.scan()

    def scan(self) -> None:
        while len(self.buffer) >= 9:
            length = int.from_bytes(self.buffer[:3], "big")
            if len(self.buffer) < 9 + length:
                return
            kind, body = self.buffer[3], bytes(self.buffer[9 : 9 + length])
            if kind == GOAWAY:
                self.goaway = int.from_bytes(body[4:8], "big")
            elif kind == RST_STREAM:
                self.resets += 1
            del self.buffer[: 9 + length]

    def rest(self, seconds: float) -> None:
        """Waits, reading where it reads; the end is noticed at once."""
        end = min(time.monotonic() + seconds, self.until)
        while not self.ended and time.monotonic() < end:
            if self.reads:
                select.select([self.sock], [], [], max(0, min(0.05, end - time.monotonic())))
                self.read()
            else:
                time.sleep(min(0.05, max(0, end - time.monotonic())))
                try:
                    if self.sock.send(b"") is None or self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                        self.ended = "reset"
                except OSError:
                    self.ended = "reset"

    def result(self) -> dict:
        if not self.ended:
            self.read(force=True)
        out = {"ended": self.ended, "goaway": self.goaway, "resets": self.resets, "sent": self.sent}
        self.sock.close()
        return out
