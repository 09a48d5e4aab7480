"""Ten endpoints; each second one of them is killed, frozen, made to reset, to answer 503, or slow, at random.

Clients that may be served again hardly see it; what may not be delivered twice is not; and an answer that has begun is
never begun anew. Checks, ejection, retries and pools work together here. POSTERN_CHAOS_SECONDS makes it longer.
"""

from __future__ import annotations

import collections
import os
import random
import threading
import time

import pytest

from harness.client import Closed
from harness.fleet import make_fleet

SECONDS = float(os.environ.get("POSTERN_CHAOS_SECONDS", "20"))
CLIENTS = 6
FAULTS = ("kill", "freeze", "reset", "error", "slow 0.3")


def settings(members) -> dict:
    forward = {"forward": "models", "response_timeout": "2s"}
    retry = {"on": ["connect", "stale", "reset", "timeout", "503"], "attempts": 4, "try_timeout": "250ms"}
    retry |= {"backoff": "1ms", "budget": 50, "budget_floor": 100}
    return {
        "workers": 2,
        "listener": [{"name": "main"}],
        "upstream": [
            {
                "name": "models",
                "endpoints": [one.endpoint for one in members],
                "connect_timeout": "250ms",
                "health": {"kind": "http", "path": "/health", "interval": "300ms", "fast_interval": "100ms"}
                | {"timeout": "200ms", "unhealthy_after": 2},
                "ejection": {"consecutive_failures": 3, "base_time": "1s", "max_time": "2s"},
            }
        ],
        "route": [
            {"name": "once", "path": "/once/*", "methods": ["POST"], "retry": {"when": "never"}, **forward},
            {"name": "again", "path": "/again/*", "retry": {"when": "idempotent", **retry}, **forward},
            {"name": "half", "path": "/half/*", "retry": {"when": "idempotent", **retry}, **forward},
        ],
    }


class Load(threading.Thread):
    """One client: mostly GETs. Every fourth request is a POST that must arrive once at most, and every ninth a GET
    whose answer breaks off in its middle: nobody may ask for it again."""

    def __init__(self, postern, number: int, stop: threading.Event):
        super().__init__()
        self.postern, self.number, self.stop = postern, number, stop
        self.sent: collections.Counter = collections.Counter()
        self.failed: list[str] = []
        self.answered: set[str] = set()
        self.odd: list[str] = []
        self.begun: dict[str, float] = {}  # when the first byte of the answer was here

    def run(self) -> None:
        client, count = self.postern.client(), 0
        while not self.stop.is_set():
            count += 1
            kind = "once" if count % 4 == 0 else "half" if count % 9 == 0 else "again"
            mark = f"{kind}-{self.number}-{count}"
            path = f"/{kind}/{mark}"
            head = f"{'POST' if kind == 'once' else 'GET'} {path} HTTP/1.1\r\nHost: a\r\nX-Id: {mark}\r\n"
            text = head + ("Content-Length: 3\r\n\r\nabc" if kind == "once" else "\r\n")
            self.sent[kind] += 1
            why = ""
            try:
                answer = client.send(text).read_head()
                if kind == "half" and answer.status == 200:
                    self.begun[mark] = time.monotonic()
                client.read_body(answer)
                if answer.status == 200:
                    self.answered.add(mark)
                    if answer.body != b"ready" or kind == "half":
                        self.odd.append(f"{path}: {answer.body!r}")
                else:
                    why = f"{kind} {path}: {answer.status}"
            except (Closed, OSError) as problem:
                why = f"{kind} {path}: {problem!r}"
            if why:
                self.failed.append(why)
            if why or client.ended:
                client.close()
                client = self.postern.client()
        client.close()


class Havoc:
    """Does one thing a second to one member, and undoes it a second or two later."""

    def __init__(self, members, seed: int):
        self.members, self.random, self.undo = members, random.Random(seed), []
        self.done: collections.Counter = collections.Counter()

    def strike(self, now: float) -> None:
        busy = {one for _, one, _ in self.undo}
        one = self.random.choice([m for m in self.members if m not in busy])
        fault = self.random.choice(FAULTS)
        self.done[fault.split()[0]] += 1
        if fault == "kill":
            one.kill()
        elif fault == "freeze":
            one.freeze()
        else:
            one.mode(fault)
        self.undo.append((now + self.random.uniform(1, 2.5), one, fault))

    def heal(self, now: float) -> None:
        for entry in [e for e in self.undo if e[0] <= now]:
            self.undo.remove(entry)
            _, one, fault = entry
            if fault == "kill":
                one.start()
            elif fault == "freeze":
                one.thaw()
            else:
                one.mode("ok")

    def run(self, seconds: float) -> None:
        end, next_strike = time.monotonic() + seconds, time.monotonic() + 0.5
        while (now := time.monotonic()) < end:
            if now >= next_strike:
                next_strike += 1
                self.strike(now)
            self.heal(now)
            time.sleep(0.05)
        self.heal(float("inf"))


@pytest.mark.timeout(600 + SECONDS)
@pytest.mark.parametrize(
    "seconds",
    [pytest.param(SECONDS, marks=pytest.mark.heavy, id="short"), pytest.param(120, marks=pytest.mark.peers, id="long")],
)
def test_chaos(postern_with, tmp_path, seconds):
    members = make_fleet(tmp_path, 10)
    seed = int(os.environ.get("POSTERN_CHAOS_SEED", random.randrange(1 << 30)))
    try:
        postern = postern_with(settings(members))
        postern.wait_total("postern_upstream_health_checks_total", 10, result="serving")
        stop, havoc = threading.Event(), Havoc(members, seed)
        clients = [Load(postern, number, stop) for number in range(CLIENTS)]
        for one in clients:
            one.start()
        havoc.run(seconds)
        stop.set()
        for one in clients:
            one.join()
        metrics = postern.metrics()
        time.sleep(0.3)  # what a thawed origin had in its buffers is logged
        report(postern, members, clients, havoc, seed, seconds, metrics)
    finally:
        for one in members:
            one.close()


def report(postern, members, clients, havoc, seed: int, seconds: float, metrics: dict) -> None:
    sent = sum((one.sent for one in clients), collections.Counter())
    failed = [why for one in clients for why in one.failed]
    again = [why for why in failed if why.startswith("again")]
    deliveries = collections.Counter(
        mark for one in members for mark, method, *_ in one.deliveries() if method == "POST" and mark != "-"
    )
    twice = {mark: count for mark, count in deliveries.items() if count > 1}
    lost = {mark for one in clients for mark in one.answered if mark.startswith("once")} - set(deliveries)
    begun = {mark: when for one in clients for mark, when in one.begun.items()}
    anew = [
        mark
        for one in members
        for mark, what, _, when in one.deliveries()
        if what != "LATE" and float(when) > begun.get(mark, float("inf"))
    ]
    retries = sum(value for key, value in metrics.items() if key.startswith("postern_upstream_retries_total"))
    text = (
        f"seed {seed}: {dict(havoc.done)}, sent {dict(sent)}, {len(again)} replayable and "
        f"{sum(why.startswith('once') for why in failed)} other requests failed, {retries:.0f} retries, "
        f"{len(deliveries)} POSTs delivered, {len(begun)} answers broken off"
    )
    print(text)
    odd = [one for client in clients for one in client.odd]
    assert not odd, f"an answer was mixed up, or looks complete although it is not: {odd[:5]}\n{text}"
    assert not anew, f"asked for again behind the first byte of an answer: {anew[:5]}\n{text}"
    assert len(begun) > seconds, f"hardly an answer broke off\n{text}"
    assert not twice, f"delivered more than once: {dict(list(twice.items())[:5])}\n{text}"
    assert not lost, f"answered with 200 although it was never delivered: {sorted(lost)[:5]}\n{text}"
    assert sent["again"] > 50 * seconds, f"too little load to say anything\n{text}"
    assert retries > 0, f"nothing was retried: was there any chaos?\n{text}"
    share = len(again) / sent["again"]
    assert share < 0.001, f"{share:.3%} of the replayable requests failed: {again[:8]}\n{text}\n{postern.stderr()[-3000:]}"
