"""Many connections at once, each sending one catalogue input in given segments, then judged.

Between two segments every flight waits until postern has read the first: a probe on another connection is answered by
the same (only) worker after the bytes that arrived before it. So no pause is needed, and each split is a real one.
"""

from __future__ import annotations

import itertools
import json
import selectors
import socket
import struct
import time
from dataclasses import dataclass, field

from catalogue.case import EVIL, MARK, Case
from harness.client import PATIENCE, RawClient
from harness.message import BadMessage, BodyReader, Message, parse_response_head, take_lines

SENTINEL = b"GET /sentinel HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
PROBE = b"GET /sentinel HTTP/1.1\r\nHost: a.test\r\n\r\n"
numbers = itertools.count(1)


@dataclass
class Flight:
    case: Case
    segments: list[bytes]
    number: int = field(default_factory=lambda: next(numbers))
    sock: socket.socket | None = None
    unsent: bytes = b""
    buffer: bytearray = field(default_factory=bytearray)
    answers: list[Message] = field(default_factory=list)
    interims: list[Message] = field(default_factory=list)
    reading: tuple[Message, BodyReader] | None = None
    sentinel: str = ""  # "", sent, answered
    ended: str = ""  # fin, reset, timeout, or what was wrong with an answer

    @property
    def mark(self) -> bytes:
        return b"T%09d" % self.number

    @property
    def evil(self) -> bytes:
        return b"E%09d" % self.number

    def marked(self, data: bytes) -> bytes:
        return data.replace(MARK, self.mark).replace(EVIL, self.evil)

    def outcome(self) -> tuple:
        """What must not depend on where the input was split."""
        return tuple(one.status for one in self.answers), self.sentinel == "answered", self.ended

    def push(self, data: bytes = b"") -> None:
        self.unsent += data
        try:
            while self.unsent:
                self.unsent = self.unsent[self.sock.send(self.unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self.unsent = b""  # the peer has closed; what it said is still to be read

    def pull(self) -> None:
        while not self.ended:
            try:
                data = self.sock.recv(65536)
            except BlockingIOError:
                break
            except OSError:
                self.ended = "reset"
                break
            if not data:
                self.ended = "fin"
            self.buffer += data
        try:
            self._parse()
        except BadMessage as problem:
            self.ended = f"bad answer: {problem}"

    def _parse(self) -> None:
        while True:
            if self.reading is None:
                lines = take_lines(self.buffer)
                if lines is None:
                    break
                method = self.case.method(len(self.answers))
                head = parse_response_head(lines, bodiless=method == "HEAD")
                if head.status < 200:
                    self.interims.append(head)
                    continue
                self.reading = head, BodyReader(head)
            message, reader = self.reading
            if not reader.feed(self.buffer, eof=self.ended == "fin"):
                break
            self.reading = None
            if self.sentinel == "sent":
                self.sentinel = "answered" if message.status == 200 and message.body == b"sentinel" else "wrong"
            else:
                self.answers.append(message)
        if self.ended == "fin" and (self.buffer or self.reading):
            self.ended = "bad answer: cut short"

    def wants_sentinel(self) -> bool:
        return (
            not self.sentinel
            and not self.ended
            and not self.unsent
            and not self.case.fin
            and len(self.answers) >= len(self.case.answers)
            and not self.answers[-1].says_close
        )


def whole(case: Case) -> Flight:
    return make(case, [])


def make(case: Case, cuts: list[int]) -> Flight:
    flight = Flight(case, [])
    wire = flight.marked(case.wire)
    points = [0, *cuts, len(wire)]
    flight.segments = [wire[start:end] for start, end in zip(points, points[1:])]
    return flight


class Pilot:
    """Flies flights against one site (see conftest): an address per listener and one recording origin."""

    def __init__(self, site, timeout: float = 6):
        self.site, self.timeout = site, timeout * PATIENCE

    def fly(self, flights: list[Flight]) -> list[Flight]:
        """All of them at once (the caller keeps the number below some hundreds)."""
        for flight in flights:
            flight.sock = socket.create_connection(self.site.address(flight.case.listener))
            flight.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            flight.sock.setblocking(False)
        probe: RawClient | None = None
        try:
            for round_number in range(max(len(flight.segments) for flight in flights)):
                for flight in flights:
                    if round_number < len(flight.segments):
                        flight.push(flight.segments[round_number])
                        if flight.case.fin and round_number == len(flight.segments) - 1:
                            self._fin(flight)
                if probe is None:  # accepted after every flight, so answered after their first segments are read
                    probe = self.site.client(flights[0].case.listener)
                assert probe.ask(PROBE).status == 200
            self._land(flights)
        finally:
            if probe is not None:
                probe.close()
            for flight in flights:
                flight.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                flight.sock.close()
        return flights

    @staticmethod
    def _fin(flight: Flight) -> None:
        try:
            flight.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _land(self, flights: list[Flight]) -> None:
        with selectors.DefaultSelector() as selector:
            for flight in flights:
                selector.register(flight.sock, selectors.EVENT_READ, flight)
            aloft = set(map(id, flights))
            deadline = time.monotonic() + self.timeout
            while aloft and time.monotonic() < deadline:
                for key, _ in selector.select(0.05):
                    flight = key.data
                    flight.pull()
                    if flight.wants_sentinel():
                        flight.sentinel = "sent"
                        flight.push(SENTINEL)
                    if flight.ended:
                        selector.unregister(flight.sock)
                        aloft.discard(id(flight))
                for flight in flights:
                    if flight.unsent and id(flight) in aloft:
                        flight.push()
            for flight in flights:
                flight.ended = flight.ended or "timeout"

    def run(self, case: Case) -> Flight:
        """One case in one piece, judged."""
        flight = self.fly([whole(case)])[0]
        self.judge([flight])
        return flight

    def judge(self, flights: list[Flight]) -> None:
        self.site.settle()
        for flight in flights:
            try:
                judge(flight, self.site.origin)
            except AssertionError as problem:
                cuts = list(itertools.accumulate(map(len, flight.segments)))[:-1]
                where = f", cut at {cuts[:8]}" if cuts else ""
                raise AssertionError(
                    f"{flight.case.id}{where}: {problem}\nsent {b''.join(flight.segments)[:600]!r}\n"
                    f"got {[one.head for one in flight.answers]} then {flight.ended}"
                ) from None


def judge(flight: Flight, origin) -> None:
    case, answers = flight.case, flight.answers
    statuses = [one.status for one in answers]
    assert flight.ended in ("fin", "reset"), flight.ended
    assert len(statuses) == len(case.answers) and all(
        status in allowed for status, allowed in zip(statuses, case.answers)
    ), f"answers {statuses}, required {[sorted(one) for one in case.answers]}"
    if case.ends == "close":
        assert answers[-1].says_close, "closed without saying so" if flight.ended else "kept"
        assert not flight.sentinel, "the connection was kept"
    elif case.ends == "keep":
        assert flight.sentinel == "answered", "the connection was not kept"
    elif flight.sentinel:
        assert flight.sentinel == "answered", "neither closed nor usable"
    requests = origin.by_mark.get(flight.mark, [])
    from_origin = [one for one in answers if "x-origin" in one.fields]
    for one in answers:
        if one.status >= 400 and one not in from_origin:
            check_problem(one, case.method(answers.index(one)))
    complete = [one for one in requests if one.complete]
    assert len(complete) == len(from_origin), f"{len(complete)} requests reached the origin: {requests}"
    cut_short = [one for one in requests if not one.complete]
    if case.partial:
        for one in cut_short:
            ended = origin.wait_for(lambda: origin.connection_of(one).ended)
            assert ended, "the upstream connection of a broken request stays open"
    else:
        assert not cut_short, "the start of a broken request reached the origin"
        assert requests or flight.mark not in origin.marks, "bytes of a refused request reached the origin"
    if not case.evil_in_body:
        assert flight.evil not in origin.marks, "smuggled bytes reached the origin"
    assert not any(flight.evil in one.head for one in requests + origin.by_mark.get(flight.evil, []))
    if case.check:
        case.check(requests, answers)


def check_problem(answer: Message, method: str = "GET") -> None:
    """An error of postern's own: RFC 9457, with a request id, not cacheable, without internals."""
    assert answer.fields.get("content-type", "").startswith("application/problem+json"), answer.head
    assert answer.fields.get("x-request-id"), "no X-Request-Id"
    assert "no-store" in answer.fields.tokens("cache-control"), "no Cache-Control: no-store"
    if method == "HEAD":
        return
    problem = json.loads(answer.body)
    assert problem["status"] == answer.status and problem["title"] and "type" in problem, problem
    assert answer.fields["x-request-id"] in json.dumps(problem), "the request id is not in the body"
    assert set(problem) <= {"type", "title", "status", "detail", "instance", "request_id"}, problem
