"""A tiny strict reader of HTTP/1 messages for both ends of the tests.

It exists so that a proxy's output is judged by code that shares nothing with the proxy and forgives nothing:
every deviation from the grammar raises BadMessage. It does not try to be fast or complete.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
STATUS_LINE = re.compile(rb"HTTP/1\.([01]) (\d{3}) ([\t \x21-\x7e\x80-\xff]*)")
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([\x21-\x7e]+) HTTP/1\.([01])")
FIELD_LINE = re.compile(rb"(" + TOKEN + rb"):[ \t]*(.*?)[ \t]*", re.S)
FIELD_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(;[\t\x20-\x7e\x80-\xff]*)?")
MAX_LINE = 300_000


class BadMessage(Exception):
    """The bytes break the protocol."""


class Fields:
    """Header fields in order; names compare without case, values are text (latin-1)."""

    def __init__(self, pairs: list[tuple[str, str]] | None = None):
        self.pairs = pairs or []

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.pairs if key.lower() == name.lower()]

    def get(self, name: str, default: str | None = None) -> str | None:
        values = self.all(name)
        return ", ".join(values) if values else default

    def __contains__(self, name: str) -> bool:
        return bool(self.all(name))

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def names(self) -> list[str]:
        return [key.lower() for key, _ in self.pairs]

    def tokens(self, name: str) -> list[str]:
        return [part.strip().lower() for part in (self.get(name) or "").split(",") if part.strip()]

    def __repr__(self) -> str:
        return repr(self.pairs)


@dataclass
class Message:
    """A request (method, target) or a response (status, reason)."""

    method: str = ""
    target: str = ""
    status: int = 0
    reason: str = ""
    minor: int = 1
    fields: Fields = field(default_factory=Fields)
    framing: str = "none"  # none, length, chunked, close
    length: int = 0
    body: bytes = b""
    received: int = 0  # bytes of the body, also when they are not kept
    trailers: Fields = field(default_factory=Fields)
    chunk_extensions: int = 0
    complete: bool = False
    interims: list["Message"] = field(default_factory=list)
    head: bytes = b""

    @property
    def says_close(self) -> bool:
        return "close" in self.fields.tokens("connection") or (
            self.minor == 0 and "keep-alive" not in self.fields.tokens("connection")
        )


def parse_fields(lines: list[bytes]) -> Fields:
    pairs = []
    for line in lines:
        match = FIELD_LINE.fullmatch(line)
        if not match or not FIELD_VALUE.fullmatch(match[2]):
            raise BadMessage(f"field line {line[:200]!r}")
        pairs.append((match[1].decode("ascii"), match[2].decode("latin-1")))
    return Fields(pairs)


def take_lines(buffer: bytearray) -> list[bytes] | None:
    """The lines up to the empty one, removed from the buffer; None while they are not all here."""
    end = 0 if buffer.startswith(b"\r\n") else buffer.find(b"\r\n\r\n")
    if end < 0:
        if len(buffer) > MAX_LINE:
            raise BadMessage("head without an end")
        return None
    block = bytes(buffer[:end])
    del buffer[: end + (2 if end == 0 else 4)]
    lines = block.split(b"\r\n") if block else []
    if any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines):
        raise BadMessage("bare CR, bare LF or NUL in a head")
    return lines


def parse_request_head(lines: list[bytes]) -> Message:
    match = REQUEST_LINE.fullmatch(lines[0] if lines else b"")
    if not match:
        raise BadMessage(f"request line {lines[:1]!r}")
    message = Message(method=match[1].decode(), target=match[2].decode(), minor=int(match[3]))
    message.fields = parse_fields(lines[1:])
    message.head = b"\r\n".join(lines)
    if len(message.fields.all("host")) != 1:
        raise BadMessage(f"{len(message.fields.all('host'))} Host fields")
    decide_framing(message, default="none")
    return message


def parse_response_head(lines: list[bytes], bodiless: bool) -> Message:
    match = STATUS_LINE.fullmatch(lines[0] if lines else b"")
    if not match:
        raise BadMessage(f"status line {lines[:1]!r}")
    message = Message(status=int(match[2]), reason=match[3].decode("latin-1"), minor=int(match[1]))
    message.fields = parse_fields(lines[1:])
    message.head = b"\r\n".join(lines)
    decide_framing(message, default="close")
    if message.status < 200 or message.status in (204, 304) or bodiless:
        if message.status < 200 or message.status == 204:
            if message.framing == "chunked" or "content-length" in message.fields:
                raise BadMessage(f"framing fields in a {message.status}")
        message.framing = "none"
    return message


def decide_framing(message: Message, default: str) -> None:
    lengths, codings = message.fields.all("content-length"), message.fields.all("transfer-encoding")
    if lengths and codings:
        raise BadMessage("both Content-Length and Transfer-Encoding")
    if len(lengths) > 1 or len(codings) > 1:
        raise BadMessage("repeated framing field")
    if codings:
        if codings[0] != "chunked" or message.minor != 1:
            raise BadMessage(f"Transfer-Encoding {codings[0]!r} in HTTP/1.{message.minor}")
        message.framing = "chunked"
    elif lengths:
        if not re.fullmatch(r"0|[1-9][0-9]{0,17}", lengths[0]):
            raise BadMessage(f"Content-Length {lengths[0]!r}")
        message.framing, message.length = "length", int(lengths[0])
    else:
        message.framing = default


class BodyReader:
    """Takes a body off a buffer piece by piece. `keep` False counts the bytes and drops them."""

    def __init__(self, message: Message, keep: bool = True):
        self.message, self.keep = message, keep
        self.parts: list[bytes] = []
        self.state = "size"
        self.left = message.length if message.framing == "length" else 0

    def feed(self, buffer: bytearray, eof: bool = False) -> bool:
        """Consumes what it can; True when the body is complete."""
        message = self.message
        if message.framing == "none":
            return self._done()
        if message.framing == "length":
            self._take(buffer)
            return self._done() if self.left == 0 else False
        if message.framing == "close":
            self.left = len(buffer)
            self._take(buffer)
            return self._done() if eof else False
        return self._feed_chunked(buffer)

    def _feed_chunked(self, buffer: bytearray) -> bool:
        while True:
            if self.state == "size":
                end = buffer.find(b"\r\n")
                if end < 0:
                    if len(buffer) > 4096:
                        raise BadMessage("chunk line without an end")
                    return False
                match = CHUNK_LINE.fullmatch(bytes(buffer[:end]))
                if not match:
                    raise BadMessage(f"chunk line {bytes(buffer[:end])!r}")
                self.message.chunk_extensions += match[2] is not None
                self.left = int(match[1], 16)
                del buffer[: end + 2]
                self.state = "data" if self.left else "trailers"
            elif self.state == "data":
                self._take(buffer)
                if self.left or len(buffer) < 2:
                    return False
                if buffer[:2] != b"\r\n":
                    raise BadMessage("chunk data without CRLF behind it")
                del buffer[:2]
                self.state = "size"
            else:
                lines = take_lines(buffer)
                if lines is None:
                    return False
                self.message.trailers = parse_fields(lines)
                return self._done()

    def _take(self, buffer: bytearray) -> None:
        count = min(self.left, len(buffer))
        if self.keep and count:
            self.parts.append(bytes(buffer[:count]))
        self.message.received += count
        self.left -= count
        del buffer[:count]

    def _done(self) -> bool:
        self.message.body = b"".join(self.parts)
        self.message.complete = True
        return True

    def so_far(self) -> bytes:
        return b"".join(self.parts)
