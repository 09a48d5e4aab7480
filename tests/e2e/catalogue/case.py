"""One row of the catalogue as data: bytes in, outcome required.

Every input carries marks: MARK stands in the request that may reach the origin, EVIL in what must never be taken for a
request. Both are replaced by fresh ones for each flight, of the same length, so that lengths and split points hold.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable

MARK = b"T000000000"
EVIL = b"E000000000"
HOST = b"Host: a.test\r\n"
#: What a smuggler would put behind a message: it must never become a request of its own.
SMUGGLED = b"GET /bad/" + EVIL + b" HTTP/1.1\r\nHost: a.test\r\n\r\n"


@dataclass(frozen=True)
class Case:
    """`answers`: for each final answer in order, the statuses allowed.

    `ends`: "close" (says so and closes), "keep" (the next request is answered) or "" (either, but as it says).
    `fin`: the client ends its side after the input. `partial`: the origin may see the start of the request, but never
    a complete one, and loses the connection. `evil_in_body`: EVIL is a legitimate part of a body.
    `check(requests, answers)`: more demands on what the origin saw. `methods`: those of the requests, where not GET.
    """

    id: str
    wire: bytes
    answers: tuple[frozenset[int], ...]
    ends: str = ""
    fin: bool = False
    partial: bool = False
    evil_in_body: bool = False
    check: Callable | None = None
    methods: tuple[str, ...] = ()
    listener: str = "strict"

    def method(self, number: int) -> str:
        return self.methods[number] if number < len(self.methods) else "GET"


def one_of(*statuses: int) -> tuple[frozenset[int], ...]:
    """A single answer with one of these statuses."""
    return (frozenset(statuses),)


def in_order(*statuses: int) -> tuple[frozenset[int], ...]:
    """Several answers, each with exactly this status."""
    return tuple(frozenset((status,)) for status in statuses)


def bad(name: str, wire: bytes, *statuses: int, **more) -> Case:
    """A broken message: 400 (or `statuses`), closed, and nothing behind it is parsed."""
    return Case(name, wire, one_of(*(statuses or (400,))), ends="close", **more)


def good(name: str, wire: bytes, check: Callable | None = None, **more) -> Case:
    """A message that is forwarded once, on a connection that stays usable."""
    return Case(name, wire, one_of(200), ends="keep", check=check, **more)


def maybe(name: str, wire: bytes, *statuses: int, check: Callable | None = None, **more) -> Case:
    """The table leaves a choice: forwarded (200), or refused with one of `statuses`."""
    return Case(name, wire, one_of(200, *statuses), check=check, **more)


def request(
    method: bytes = b"GET",
    target: bytes = b"/c/" + MARK,
    fields: bytes = b"",
    body: bytes = b"",
    host: bytes = HOST,
    version: bytes = b"HTTP/1.1",
) -> bytes:
    """`fields` are complete lines with their line ends."""
    return method + b" " + target + b" " + version + b"\r\n" + host + fields + b"\r\n" + body


def post(fields: bytes, body: bytes = b"", **more) -> bytes:
    return request(b"POST", fields=fields, body=body, **more)


def line(text: bytes, host: bytes = HOST) -> bytes:
    """A request whose first line is written out."""
    return text + b"\r\n" + host + b"\r\n"


def sized(body: bytes) -> bytes:
    """The Content-Length line of a body."""
    return b"Content-Length: %d\r\n" % len(body)


CHUNKED = b"Transfer-Encoding: chunked\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def body_is(expected: bytes) -> Callable:
    """The origin got exactly that body, in framing of our own, without chunk extensions."""

    def check(requests, answers):
        assert [one.body for one in requests] == [expected] * len(requests), requests
        assert all(one.chunk_extensions == 0 for one in requests), "chunk extensions were forwarded"

    return check


def target_is(*allowed: str) -> Callable:
    """The origin got one of these targets; in it, MARK is written T000000000."""

    def check(requests, answers):
        for one in requests:
            seen = one.target
            for mark in set(re.findall(r"T\d{9}", seen)):
                seen = seen.replace(mark, MARK.decode())
            assert seen in allowed, f"forwarded {one.target!r}"

    return check


def lacks(*names: str) -> Callable:
    """None of these fields reached the origin, neither as headers nor as trailers."""

    def check(requests, answers):
        for one in requests:
            for name in names:
                assert name not in one.fields, f"{name}: {one.fields.get(name)!r} was forwarded"
                assert name not in one.trailers, f"{name} was forwarded as a trailer"

    return check


def all_of(*checks: Callable) -> Callable:
    def check(requests, answers):
        for one in checks:
            one(requests, answers)

    return check
