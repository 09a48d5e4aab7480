"""An HTTP/2 client that speaks frames: sends what it is told, right or wrong, and judges what comes back.

Only `hyperframe` (frames) and `hpack` are used, never a state machine, so that nothing is refused before it is sent.
Whatever postern sends must be valid: a deviation raises BadMessage.
"""

from __future__ import annotations

import re
import socket
import ssl
import struct
import time
from dataclasses import dataclass, field

from hpack import Decoder, Encoder
from hyperframe import frame as frames

from harness import leaks
from harness.client import PATIENCE, Closed
from harness.message import FIELD_VALUE, BadMessage, Fields

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, HAS_PRIORITY = 1, 1, 4, 8, 32
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED = range(6)
FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM = range(6, 12)
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_STREAMS, INITIAL_WINDOW, MAX_FRAME, MAX_HEADER_LIST, _, ENABLE_CONNECT = range(1, 9)
NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
HOP = {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade", b"te"}


def make_frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"", length: int | None = None) -> bytes:
    """Any frame; `length` lies about the payload's."""
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings_frame(values: dict[int, int]) -> bytes:
    return make_frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", key, value) for key, value in values.items()))


def window_update(stream: int, by: int) -> bytes:
    return make_frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", by))


def rst_stream(stream: int, code: int = CANCEL) -> bytes:
    return make_frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def get_fields(path: str, authority: str = "a.test", method: str = "GET", scheme: str = "http") -> list[tuple]:
    return [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path)]


def as_bytes(text: str | bytes) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text


@dataclass
class Answer:
    """What has come on one stream so far. `pieces` are (time, bytes) of each DATA frame."""

    stream: int
    method: str = "GET"
    status: int = 0
    fields: Fields = field(default_factory=Fields)
    interims: list["Answer"] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    received: int = 0
    trailers: Fields = field(default_factory=Fields)
    ended: bool = False  # END_STREAM came
    reset: int | None = None  # RST_STREAM came, with this code
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    frames: list[tuple[str, bool]] = field(default_factory=list)  # kind, END_STREAM
    head_at: float = 0.0
    done_at: float = 0.0

    @property
    def head(self) -> bytes:
        return repr((self.status, self.fields)).encode()

    @property
    def done(self) -> bool:
        return self.ended or self.reset is not None

    @property
    def complete(self) -> bool:
        return self.ended


class H2Client:
    """One connection. `settings` are ours; `credit` False leaves all windows to the test."""

    def __init__(
        self,
        address,
        tls: ssl.SSLContext | None = None,
        server_name: str | None = "a.test",
        timeout: float = 5.0,
        settings: dict[int, int] | None = None,
        credit: bool = True,
        preface: bool = True,
        receive_buffer: int = 0,
        keep: bool = True,
        source: str | None = None,
    ):
        self.timeout = timeout * PATIENCE
        self.sock = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        if not isinstance(address, str):
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(self.timeout)
        try:
            if source:
                self.sock.bind((source, 0))
            self.sock.connect(address)
            if tls is not None:
                self.sock = tls.wrap_socket(self.sock, server_hostname=server_name, suppress_ragged_eofs=False)
        except BaseException:
            self.sock.close()
            raise
        self.encoder, self.decoder = Encoder(), Decoder(max_header_list_size=1 << 20)
        self.scheme = "http" if tls is None else "https"
        self.buffer = bytearray()
        self.credit, self.keep = credit, keep
        self.answers: dict[int, Answer] = {}
        self.next_stream = 1
        self.ended: str | None = None  # fin, reset
        self.goaways: list[tuple[int, int, bytes]] = []  # last stream, code, text
        self.peer = {INITIAL_WINDOW: 65535, MAX_FRAME: 16384}
        self.settings_seen = self.settings_acked = self.pongs = 0
        self.send_window = 65535
        self.stream_windows: dict[int, int] = {}
        self.block: tuple | None = None
        self.seen: list[str] = []  # kinds of frames, in order
        self.owed: dict[int, int] = {}
        self.settings = settings or {}
        if preface:
            self.send_raw(PREFACE + settings_frame(self.settings))
            if credit:
                self.send_raw(window_update(0, (1 << 30) - 65535))

    def __enter__(self) -> "H2Client":
        return self

    def __exit__(self, *unused) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    def abort(self) -> None:
        """Closes with a TCP RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    # Sending

    def send_raw(self, data: bytes) -> "H2Client":
        self.sock.settimeout(self.timeout)
        self.sock.sendall(data)
        return self

    def encode(self, pairs: list[tuple]) -> bytes:
        """A header block, in that order and with those bytes; nothing is put into the dynamic table."""
        return b"".join(self._literal(as_bytes(name), as_bytes(value)) for name, value in pairs)

    @staticmethod
    def _literal(name: bytes, value: bytes) -> bytes:
        return b"\0" + hpack_string(name) + hpack_string(value)

    def open(
        self,
        pairs: list[tuple],
        end: bool = True,
        stream: int | None = None,
        flags: int = 0,
        prefix: bytes = b"",
        send: bool = True,
    ) -> Answer:
        """HEADERS (and CONTINUATION where it is long) with any fields."""
        for name, value in pairs:
            leaks.notice_field(as_bytes(name), as_bytes(value))
        if stream is None:
            stream, self.next_stream = self.next_stream, self.next_stream + 2
        method = next((value for name, value in pairs if as_bytes(name) == b":method"), "GET")
        answer = self.answers.setdefault(stream, Answer(stream, as_bytes(method).decode("latin-1")))
        self.stream_windows.setdefault(stream, self.peer[INITIAL_WINDOW])
        if send:
            self.send_raw(self.head_frames(stream, self.encode(pairs), end, flags, prefix))
        return answer

    @staticmethod
    def head_frames(stream: int, block: bytes, end: bool, flags: int = 0, prefix: bytes = b"", cut: int = 16000) -> bytes:
        block = prefix + block
        parts = [block[start : start + cut] for start in range(0, len(block), cut)] or [b""]
        out = b""
        for number, part in enumerate(parts):
            last = END_HEADERS if number == len(parts) - 1 else 0
            first = (END_STREAM if end else 0) | flags
            out += make_frame(HEADERS if number == 0 else CONTINUATION, last | (first if number == 0 else 0), stream, part)
        return out

    def start(
        self, path: str, method: str = "GET", fields: list[tuple] = (), end: bool = True, authority: str = "a.test"
    ) -> Answer:
        return self.open([*get_fields(path, authority, method, self.scheme), *fields], end)

    def data(self, stream: int, payload: bytes = b"", end: bool = False, flags: int = 0) -> None:
        """One DATA frame, whatever the windows say."""
        self.send_window -= len(payload)
        self.stream_windows[stream] = self.stream_windows.get(stream, 0) - len(payload)
        self.send_raw(make_frame(DATA, flags | (END_STREAM if end else 0), stream, payload))

    def send_body(self, stream: int, body: bytes, end: bool = True, timeout: float | None = None) -> None:
        """The whole body, as the windows allow."""
        deadline = self._deadline(timeout)
        view = memoryview(body)
        while view:
            room = min(self.send_window, self.stream_windows[stream], self.peer[MAX_FRAME], len(view))
            if room <= 0:
                if self.answers[stream].done:
                    return
                self._receive(deadline)
                self._parse()
                continue
            self.data(stream, bytes(view[:room]), end and room == len(view))
            view = view[room:]
        if end and not body:
            self.data(stream, b"", True)

    def trailers(self, stream: int, pairs: list[tuple], end: bool = True) -> None:
        self.send_raw(self.head_frames(stream, self.encode(pairs), end))

    def ping(self) -> None:
        """Returns when everything sent before has been read."""
        before = self.pongs
        self.send_raw(make_frame(PING, 0, 0, b"postern!"))
        self.read_until(lambda: self.pongs > before)

    # Receiving

    def _deadline(self, timeout: float | None) -> float:
        return time.monotonic() + (timeout * PATIENCE if timeout is not None else self.timeout)

    def _receive(self, deadline: float) -> None:
        if self.ended:
            raise Closed(self.ended)
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"not in time; frames so far: {self.seen[-20:]}")
        self.sock.settimeout(left)
        try:
            data = self.sock.recv(262144)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
            self.ended = "reset"
            return
        except ssl.SSLZeroReturnError:
            data = b""
        if data:
            self.buffer += data
        else:
            self.ended = "fin"

    def _parse(self) -> None:
        """Handles every complete frame in the buffer."""
        while len(self.buffer) >= 9:
            length = int.from_bytes(self.buffer[:3], "big")
            if length > max(self.settings.get(MAX_FRAME, 16384), 16384):
                raise BadMessage(f"a frame of {length} bytes; the buffer begins {bytes(self.buffer[:60])!r}")
            if len(self.buffer) < 9 + length:
                return
            one, _ = frames.Frame.parse_frame_header(memoryview(bytes(self.buffer[:9])))
            one.parse_body(memoryview(bytes(self.buffer[9 : 9 + length])))
            del self.buffer[: 9 + length]
            self._handle(one, length)

    def _handle(self, one, length: int) -> None:
        kind = type(one).__name__.removesuffix("Frame")
        self.seen.append(kind)
        if self.block and kind != "Continuation":
            raise BadMessage(f"{kind} inside a header block")
        handler = getattr(self, f"_on_{kind.lower()}", None)
        if handler is None:
            raise BadMessage(f"a frame that servers do not send: {kind}")
        handler(one, length)

    def _on_settings(self, one, length: int) -> None:
        if "ACK" in one.flags:
            self.settings_acked += 1
            return
        self.settings_seen += 1
        if INITIAL_WINDOW in one.settings:
            more = one.settings[INITIAL_WINDOW] - self.peer[INITIAL_WINDOW]
            for stream in self.stream_windows:
                self.stream_windows[stream] += more
        self.peer.update(one.settings)
        self._try_send(make_frame(SETTINGS, ACK))

    def _on_ping(self, one, length: int) -> None:
        if "ACK" in one.flags:
            self.pongs += 1
        else:
            self._try_send(make_frame(PING, ACK, 0, one.opaque_data))

    def _try_send(self, data: bytes) -> None:
        try:
            self.send_raw(data)
        except OSError:
            pass  # it has closed: what it said before is still to be read

    def _on_goaway(self, one, length: int) -> None:
        self.goaways.append((one.last_stream_id, one.error_code, one.additional_data))

    def _on_windowupdate(self, one, length: int) -> None:
        if one.stream_id == 0:
            self.send_window += one.window_increment
        elif one.stream_id in self.stream_windows:
            self.stream_windows[one.stream_id] += one.window_increment

    def _on_rststream(self, one, length: int) -> None:
        answer = self._answer(one.stream_id)
        if answer.reset is None:
            answer.reset, answer.done_at = one.error_code, time.monotonic()

    def _answer(self, stream: int) -> Answer:
        if stream not in self.answers:
            raise BadMessage(f"a frame on stream {stream}, which was never opened")
        return self.answers[stream]

    def _on_headers(self, one, length: int) -> None:
        self.block = (one.stream_id, bytes(one.data), "END_STREAM" in one.flags)
        if "END_HEADERS" in one.flags:
            self._headers()

    def _on_continuation(self, one, length: int) -> None:
        if not self.block or self.block[0] != one.stream_id:
            raise BadMessage("CONTINUATION out of place")
        self.block = (self.block[0], self.block[1] + bytes(one.data), self.block[2])
        if "END_HEADERS" in one.flags:
            self._headers()

    def _headers(self) -> None:
        stream, block, end = self.block
        self.block = None
        answer = self._answer(stream)
        pairs = [(bytes(name), bytes(value)) for name, value in self.decoder.decode(block, raw=True)]
        if answer.done:
            raise BadMessage(f"HEADERS behind the end of stream {stream}")
        answer.frames.append(("headers", end))
        if answer.status:
            answer.trailers = check_fields(pairs)
            if not end:
                raise BadMessage("trailers without END_STREAM")
            self._end(answer)
            return
        if not pairs or pairs[0][0] != b":status" or not re.fullmatch(rb"[1-9]\d\d", pairs[0][1]):
            raise BadMessage(f"no :status at first: {pairs[:3]}")
        status, fields = int(pairs[0][1]), check_fields(pairs[1:])
        if status < 200:
            if end or status == 101:
                raise BadMessage(f"{status} with END_STREAM {end}")
            answer.interims.append(Answer(stream, status=status, fields=fields))
            return
        answer.status, answer.fields, answer.head_at = status, fields, time.monotonic()
        if len(fields.all("content-length")) > 1:
            raise BadMessage("several content-length fields")
        if end:
            self._end(answer)

    def _on_data(self, one, length: int) -> None:
        answer = self._answer(one.stream_id)
        if not answer.status or answer.done:
            raise BadMessage(f"DATA out of place on stream {one.stream_id}")
        end, payload = "END_STREAM" in one.flags, bytes(one.data)
        answer.frames.append(("data", end))
        answer.received += len(payload)
        if self.keep:
            answer.body += payload
            answer.pieces.append((time.monotonic(), payload))
        if self.credit and length:
            self.owed[one.stream_id] = self.owed.get(one.stream_id, 0) + length
            if self.owed[one.stream_id] >= 16384 or end:
                self._try_send(window_update(0, self.owed[one.stream_id]))
                if not end:
                    self._try_send(window_update(one.stream_id, self.owed[one.stream_id]))
                self.owed[one.stream_id] = 0
            elif self.settings.get(INITIAL_WINDOW, 65535) < 16384:
                self._try_send(window_update(one.stream_id, self.owed[one.stream_id]))
                self.owed[one.stream_id] = 0
        if end:
            self._end(answer)

    def _end(self, answer: Answer) -> None:
        answer.ended, answer.done_at = True, time.monotonic()
        promised = answer.fields.get("content-length")
        bodiless = answer.method == "HEAD" or answer.status in (204, 304)
        if bodiless and answer.received:
            raise BadMessage(f"a body in the answer to {answer.method}, {answer.status}")
        if promised is not None and not bodiless and int(promised) != answer.received:
            raise BadMessage(f"a clean end after {answer.received} of {promised} bytes")

    # Waiting

    def read_until(self, condition, timeout: float | None = None) -> None:
        """Reads frames until the condition holds; Closed when the connection ends before."""
        deadline = self._deadline(timeout)
        self._parse()
        while not condition():
            self._receive(deadline)
            self._parse()

    def wait(self, answer: Answer, timeout: float | None = None) -> Answer:
        """Until the answer has ended, one way or the other."""
        self.read_until(lambda: answer.done, timeout)
        return answer

    def wait_head(self, answer: Answer, timeout: float | None = None) -> Answer:
        self.read_until(lambda: answer.status or answer.done, timeout)
        return answer

    def listen(self, seconds: float) -> None:
        """Takes what comes for that long, or until the connection ends."""
        try:
            self.read_until(lambda: False, seconds / PATIENCE)
        except (TimeoutError, Closed):
            pass

    def how_it_ends(self, timeout: float | None = None) -> str:
        """Waits for the end of the connection: "fin" or "reset"."""
        try:
            self.read_until(lambda: False, timeout)
        except Closed as end:
            return end.how
        raise AssertionError("unreachable")

    def get(self, path: str, method: str = "GET", fields: list[tuple] = (), timeout: float | None = None) -> Answer:
        return self.wait(self.start(path, method, fields), timeout)

    def post(
        self, path: str, body: bytes, method: str = "POST", fields: list[tuple] = (), length: bool = True
    ) -> Answer:
        sized = [("content-length", str(len(body)))] if length else []
        answer = self.start(path, method, [*sized, *fields], end=False)
        self.send_body(answer.stream, body)
        return self.wait(answer)


def hpack_string(text: bytes) -> bytes:
    """A literal string, not Huffman coded: what was meant to be sent can be seen in a capture."""
    if len(text) < 127:
        return bytes([len(text)]) + text
    rest, out = len(text) - 127, b"\x7f"
    while rest >= 128:
        out += bytes([rest % 128 + 128])
        rest //= 128
    return out + bytes([rest]) + text


def check_fields(pairs: list[tuple[bytes, bytes]]) -> Fields:
    """The fields of a head or of trailers, as RFC 9113 8.2 wants them."""
    for name, value in pairs:
        if not NAME.fullmatch(name) or name in HOP:
            raise BadMessage(f"field name {name!r}")
        if not FIELD_VALUE.fullmatch(value) or value != value.strip(b" \t"):
            raise BadMessage(f"value of {name!r}: {value[:100]!r}")
    return Fields([(name.decode(), value.decode("latin-1")) for name, value in pairs])
