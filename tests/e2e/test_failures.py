"""Upstreams that fail, are slow or are full: retries and what is never retried, hedges, circuits, queues, deadlines."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest

from harness.client import PATIENCE, Closed
from harness.flight import check_problem
from harness.postern import free_port
from harness.settings import simple


def several(endpoints, route: dict | None = None, upstream: dict | None = None, **top) -> dict:
    settings = simple("unused:1", route, upstream, **top)
    settings["upstream"][0]["endpoints"] = [getattr(one, "endpoint", one) for one in endpoints]
    settings["upstream"][0] |= {"balance": {"kind": "round_robin"}, "ejection": {"enabled": False}}
    return settings


def deliveries(*origins) -> Counter:
    """How often each target arrived, wherever."""
    return Counter(request.target for origin in origins for request in origin.requests)


def answers(status: int, body: bytes = b"no", headers: str = ""):
    return lambda conn, request: conn.answer(status, body, headers)


def crowd(postern, count: int, target: str = "/x", **options) -> list:
    """So many requests at once; their answers (None: none), each with its duration as `.seconds`."""
    found: list = [None] * count

    def one(i: int) -> None:
        start = time.monotonic()
        try:
            with postern.client(**options) as client:
                answer = client.get(f"{target}?{i}")
                answer.seconds = time.monotonic() - start
                found[i] = answer
        except (Closed, OSError):
            pass

    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


class Room:
    """How many requests an origin has at once, and had at most."""

    def __init__(self, seconds: float):
        self.seconds, self.lock, self.now, self.most = seconds, threading.Lock(), 0, 0

    def __call__(self, conn, request) -> None:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self.seconds)
        with self.lock:
            self.now -= 1
        conn.answer()


# Retries


def test_refused_connections_move_on_whatever_the_method(postern_with, make_origin):
    """Nothing has reached anybody: also a POST, and also more often than `attempts`."""
    origin = make_origin()
    dead = [f"127.0.0.1:{free_port()}" for _ in range(4)]
    postern = postern_with(several([*dead, origin], route={"retry": {"attempts": 1, "budget": 0, "budget_floor": 0}}))
    with postern.client() as client:
        for i in range(6):
            assert client.post(f"/{i}", b"hello").status == 200
    assert deliveries(origin) == {f"/{i}": 1 for i in range(6)}


def test_what_may_have_been_done_is_not_done_twice(postern_with, make_origin):
    """The endpoint takes a POST and dies: zero duplicates. A GET is repeated only where the route says so."""
    origins = [make_origin("a"), make_origin("b")]
    for one in origins:
        one.default = lambda conn, request: conn.reset()
    settings = several(origins, route={"retry": {"on": ["connect", "stale", "reset"], "backoff": "0s"}})
    settings["route"].insert(0, {"name": "default", "path": "/default/*", "forward": "up"})
    postern = postern_with(settings)
    for target, method, tries in [("/post", "POST", 1), ("/get", "GET", 3), ("/default/get", "GET", 1)]:
        with postern.client() as client:
            answer = client.get(target, method=method, headers="Content-Length: 0\r\n")
            assert answer.status == 502, target
        assert deliveries(*origins)[target] == tries


@pytest.mark.parametrize("size, split", [(100, False), (100, True), (60_000, True)])
def test_a_body_is_sent_again_whole(postern_with, make_origin, size, split):
    """Also one that came behind its head, in pieces."""
    bad, good = make_origin("bad"), make_origin("good")
    bad.default = answers(503)
    postern = postern_with(several([bad, good], route={"retry": {"when": "always", "on": ["503"], "backoff": "0s"}}))
    body = bytes(i % 251 for i in range(size))
    for _ in range(2):
        with postern.client() as client:
            client.send(f"POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: {size}\r\n\r\n")
            if split:
                time.sleep(0.05)
                client.send(body[: size // 2])
                time.sleep(0.05)
                client.send(body[size // 2 :])
            else:
                client.send(body)
            assert client.read().status == 200
    assert {one.body for one in bad.requests + good.requests} == {body}
    assert len(good.requests) == 2 and bad.requests


def test_statuses_are_retried_where_listed(postern_with, make_origin):
    bad, good = make_origin("bad"), make_origin("good")
    bad.default = answers(503, b"busy")
    postern = postern_with(several([bad, good], route={"retry": {"on": ["503"], "backoff": "1ms"}}))
    with postern.client() as client:
        for i in range(6):
            assert client.get(f"/get{i}").status == 200
        statuses = [client.post(f"/post{i}", b"x").status for i in range(4)]
    assert sorted(set(statuses)) == [200, 503]  # passed on, since it may not be repeated
    assert all(count == 1 for target, count in deliveries(bad, good).items() if "post" in target)
    # The connection that brought the 503 was read to its end, and serves on.
    assert len(bad.connections) == 1
    assert postern.total("postern_responses_5xx_total", cause="upstream_5xx") == statuses.count(503)


def test_the_last_answer_is_passed_on_as_it_is(postern_with, make_origin):
    origin = make_origin()
    origin.default = answers(503, b"mine", "X-Why: busy\r\n")
    postern = postern_with(simple(origin, route={"retry": {"on": ["503"], "attempts": 3, "backoff": "1ms"}}))
    with postern.client() as client:
        answer = client.get("/x")
    assert (answer.status, answer.body, answer.fields["x-why"]) == (503, b"mine", "busy")
    assert len(origin.requests) == 3


def test_a_try_that_takes_too_long_is_given_up(postern_with, make_origin):
    slow, good = make_origin("slow"), make_origin("good")
    slow.default = lambda conn, request: conn.receive(10)
    route = {"retry": {"on": ["timeout"], "try_timeout": "150ms", "backoff": "0s"}}
    postern = postern_with(several([slow, good], route=route))
    with postern.client() as client:
        start = time.monotonic()
        for _ in range(2):
            assert client.get("/x").status == 200
        assert time.monotonic() - start < 2 * PATIENCE
    assert slow.wait_for(lambda: slow.connections[0].ended in ("fin", "reset"))


def test_an_upload_that_is_refused_halfway_is_not_repeated(postern_with, make_origin):
    """More than is held: its beginning is gone, and the refusal is passed on."""
    origins = [make_origin("a"), make_origin("b")]
    for one in origins:
        one.on("/x", lambda conn, request: (conn.answer(503, b"full"), conn.close()), early=True)
    postern = postern_with(several(origins, route={"retry": {"on": ["503", "reset"], "backoff": "0s"}}))
    with postern.client() as client:
        client.send("PUT /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3000000\r\n\r\n")
        client.send(b"x" * 200_000)
        assert client.read().status in (502, 503)
    assert deliveries(*origins) == {"/x": 1}


def test_retries_are_a_share_of_the_traffic(postern_with, make_origin):
    """A total outage: the upstream gets a tenth more than without retries, not three times as much."""
    origin = make_origin()
    origin.default = answers(503)
    retry = {"on": ["503"], "attempts": 3, "backoff": "0s", "budget": 10, "budget_floor": 0}
    postern = postern_with(simple(origin, route={"retry": retry}))
    with postern.client() as client:
        for _ in range(200):
            assert client.get("/x").status == 503
    assert 210 <= len(origin.requests) <= 221
    assert postern.total("postern_upstream_retries_denied_total") >= 150


def test_retry_after(postern_with, make_origin):
    origin = make_origin()
    wait = {"/short": "1", "/long": "60", "/date": "Wed, 21 Oct 2015 07:28:00 GMT"}

    def busy(conn, request):
        first = len(origin.to(request.target)) == 1
        conn.answer(429 if first else 200, b"", f"Retry-After: {wait[request.target]}\r\n")

    origin.default = busy
    postern = postern_with(simple(origin, route={"retry": {"on": ["429"], "backoff": "0s"}}))
    with postern.client() as client:
        start = time.monotonic()
        assert client.get("/long").status == 429
        assert client.get("/date").status == 429
        assert time.monotonic() - start < 0.9
        assert client.get("/short").status == 200
        assert time.monotonic() - start > 0.9


def test_a_client_that_leaves_is_not_retried_for(postern_with, make_origin):
    origin = make_origin()
    origin.default = answers(503)
    postern = postern_with(simple(origin, route={"retry": {"on": ["503"], "backoff": "10s", "attempts": 10}}))
    client = postern.client()
    client.send("GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n")
    origin.last("/x")
    client.reset()
    deadline = time.monotonic() + 2 * PATIENCE
    while postern.total("postern_requests_in_flight") > 0:
        assert time.monotonic() < deadline, "it still waits to try again"
        time.sleep(0.02)


# Hedges


def test_the_second_try_wins_and_the_first_is_cancelled(postern_with, make_origin):
    slow, good = make_origin("slow"), make_origin("good")
    slow.default = lambda conn, request: conn.receive(10)
    postern = postern_with(several([slow, good], route={"hedge": {"after": "100ms", "budget": 100}}))
    with postern.client() as client:
        start = time.monotonic()
        for i in range(2):
            assert client.get(f"/get{i}").fields["x-origin"] == "good"
        assert time.monotonic() - start < 2 * PATIENCE
        assert slow.wait_for(lambda: slow.connections[0].ended in ("fin", "reset")), "the loser was not cancelled"
        assert postern.total("postern_upstream_hedges_total", result="won") >= 1
    # What may not be repeated is not hedged: it waits.
    slow.default = lambda conn, request: (time.sleep(0.3), conn.answer())
    with postern.client() as client:
        for i in range(2):
            assert client.post(f"/post{i}", b"x").status == 200
    assert all(count == 1 for target, count in deliveries(slow, good).items() if "post" in target)


def test_hedged_bodies_are_whole(postern_with, make_origin):
    slow, good = make_origin("slow"), make_origin("good")
    slow.default = lambda conn, request: conn.receive(10)
    route = {"retry": {"when": "always"}, "hedge": {"after": "50ms", "budget": 100}}
    postern = postern_with(several([slow, good], route=route))
    body = b"0123456789" * 300
    with postern.client() as client:
        for i in range(4):
            client.send(f"POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: {len(body)}\r\n\r\n")
            if i % 2:
                time.sleep(0.03)
            client.send(body)
            assert client.read().fields["x-origin"] == "good"
    assert {one.body for one in slow.requests + good.requests} == {body}


def test_a_dead_address_is_hedged_around(postern_with, make_origin):
    """A network that swallows everything: the answer does not wait for the connection to time out."""
    import socket

    good = make_origin("good")
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        dead = f"127.0.0.1:{full.getsockname()[1]}"
        upstream = {"connect_timeout": "5s"}
        postern = postern_with(several([dead, good], {"hedge": {"after": "50ms", "budget": 100}}, upstream))
        with postern.client() as client:
            start = time.monotonic()
            for _ in range(4):
                assert client.get("/x").status == 200
            assert time.monotonic() - start < 2 * PATIENCE
        for filler in fillers:
            filler.close()


def test_hedges_have_a_budget(postern_with, make_origin):
    origins = [make_origin("a"), make_origin("b")]
    for one in origins:
        one.default = lambda conn, request: (time.sleep(0.3), conn.answer())
    postern = postern_with(several(origins, route={"hedge": {"after": "10ms", "budget": 5}}))
    for _ in range(5):
        assert all(one.status == 200 for one in crowd(postern, 12))
    assert 60 < sum(deliveries(*origins).values()) <= 65
    assert postern.total("postern_upstream_hedges_total", result="denied") >= 50


# Circuits and queues


def test_a_circuit_is_never_exceeded_by_all_workers_together(postern_with, make_origin):
    origin, room = make_origin(), Room(0.02)
    origin.default = room
    upstream = {"circuit": {"max_in_flight": 3}, "queue": {"max_wait": "5s"}}
    postern = postern_with(simple(origin, upstream=upstream, workers=2))
    for _ in range(2):
        assert all(one is not None and one.status == 200 for one in crowd(postern, 24))
    assert room.most == 3
    assert postern.total("postern_upstream_queue_total", result="passed") >= 20


def test_full_without_a_queue_is_503(postern_with, make_origin):
    origin, room = make_origin(), Room(0.3)
    origin.default = room
    postern = postern_with(simple(origin, upstream={"circuit": {"max_in_flight": 2}}))
    found = crowd(postern, 6)
    assert Counter(one.status for one in found) == {200: 2, 503: 4}
    for one in found:
        if one.status == 503:
            check_problem(one)
            assert int(one.fields["retry-after"]) >= 1 and one.seconds < 0.25 * PATIENCE
    assert room.most == 2
    assert postern.total("postern_responses_5xx_total", cause="upstream_full") == 4


def test_other_endpoints_take_what_one_has_no_room_for(postern_with, make_origin):
    rooms = [Room(0.2), Room(0.2)]
    origins = [make_origin("a"), make_origin("b")]
    for origin, room in zip(origins, rooms):
        origin.default = room
    postern = postern_with(several(origins, upstream={"circuit": {"max_in_flight": 2}}))
    assert Counter(one.status for one in crowd(postern, 4)) == {200: 4}
    assert [room.most for room in rooms] == [2, 2]


def test_connections_are_limited(postern_with, make_origin):
    origin, room = make_origin(), Room(0.02)
    origin.default = room
    upstream = {"circuit": {"max_connections": 2}, "queue": {"max_wait": "5s"}}
    postern = postern_with(simple(origin, upstream=upstream))
    assert all(one is not None and one.status == 200 for one in crowd(postern, 12))
    assert room.most <= 2 and len(origin.connections) == 2


def test_the_queue_drops_by_deadline(postern_with, make_origin):
    """One place, 100 ms each, 350 ms of patience: who cannot make it is told at once, with a time."""
    origin = make_origin()
    origin.default = Room(0.1)
    upstream = {"circuit": {"max_in_flight": 1}, "queue": {"max_wait": "350ms"}}
    postern = postern_with(simple(origin, upstream=upstream))
    crowd(postern, 4)  # now the rate is known
    found = crowd(postern, 12)
    served = [one for one in found if one.status == 200]
    refused = [one for one in found if one.status == 503]
    assert 2 <= len(served) <= 6 and len(served) + len(refused) == 12
    assert all(int(one.fields["retry-after"]) >= 1 for one in refused)
    at_once = [one for one in refused if one.seconds < 0.2]
    assert len(at_once) >= 5, [one.seconds for one in refused]
    assert postern.total("postern_upstream_queue_total", result="refused") >= 5
    assert postern.total("postern_upstream_queue_waiting") == 0


def test_a_client_that_leaves_the_queue(postern_with, make_origin):
    origin = make_origin()
    origin.default = Room(0.5)
    upstream = {"circuit": {"max_in_flight": 1}, "queue": {"max_wait": "5s"}}
    postern = postern_with(simple(origin, upstream=upstream))
    with postern.client() as first, postern.client() as second, postern.client() as third:
        for client, target in ((first, "/1"), (second, "/2"), (third, "/3")):
            client.send(f"GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n")
            time.sleep(0.05)
        second.reset()
        assert first.read().status == 200 and third.read().status == 200
    assert deliveries(origin) == {"/1": 1, "/3": 1}
    assert postern.total("postern_upstream_queue_total", result="left") == 1


def test_the_limit_adapts_to_what_the_endpoint_can_do(postern_with, make_origin):
    """It works on three at a time; more wait inside it, which shows in the latency."""
    origin, width = make_origin(), threading.Semaphore(3)

    def work(conn, request):
        with width:
            time.sleep(0.01)
        conn.answer()

    origin.default = work
    upstream = {"adaptive": {"initial": 30}, "queue": {"max_wait": "5s"}}
    postern = postern_with(simple(origin, upstream=upstream))
    assert postern.total("postern_upstream_concurrency_limit") == 30
    done = threading.Event()

    def load():
        with postern.client() as client:
            while not done.is_set():
                assert client.get("/x").status == 200

    threads = [threading.Thread(target=load) for _ in range(30)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 6 * PATIENCE
    while (limit := postern.total("postern_upstream_concurrency_limit")) > 15 and time.monotonic() < deadline:
        time.sleep(0.1)
    done.set()
    for thread in threads:
        thread.join()
    assert 1 <= limit <= 15


# Deadlines and causes


def test_a_header_shortens_the_deadline(postern_with, make_origin):
    origin = make_origin()
    origin.default = lambda conn, request: conn.receive(10)
    postern = postern_with(simple(origin, route={"deadline_header": "X-Request-Timeout", "request_timeout": "1s"}))
    for value, least, most in [("200ms", 0.15, 0.8), ("0.3", 0.25, 0.9), ("30", 0.9, 1.9), ("soon", 0.9, 1.9)]:
        with postern.client() as client:
            start = time.monotonic()
            answer = client.get("/x", headers=f"X-Request-Timeout: {value}\r\n")
            seconds = time.monotonic() - start
            assert answer.status == 504 and least < seconds < most * PATIENCE, (value, seconds)
    assert postern.total("postern_responses_5xx_total", cause="upstream_timeout") == 4


def test_a_deadline_ends_the_wait_for_a_connection(postern_with):
    import socket

    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        endpoint = f"127.0.0.1:{full.getsockname()[1]}"
        upstream, route = {"connect_timeout": "10s"}, {"request_timeout": "200ms"}
        postern = postern_with(simple(endpoint, upstream=upstream, route=route))
        with postern.client() as client:
            start = time.monotonic()
            assert client.get("/x").status == 504
            assert time.monotonic() - start < 1.5 * PATIENCE
        for filler in fillers:
            filler.close()


def test_grpc_timeout_shrinks_and_goes_on(postern_with):
    pytest.importorskip("h2", reason="PyPI's h2 is not installed")
    from harness.h2_client import H2Client
    from harness.h2_origin import H2Origin

    origin = H2Origin()
    settings = simple(origin.endpoint, upstream={"protocol": "h2"}, listener={"h2c": True},
                      route={"request_timeout": "2s", "deadline_header": "X-Request-Timeout"})
    postern = postern_with(settings)
    cases = [("5S", None, 2000), ("300m", None, 300), (None, None, 2000), ("5S", "0.7", 700)]
    with H2Client(postern.address()) as client:
        for i, (asked, header, most) in enumerate(cases):
            fields = [("content-type", "application/grpc"), ("te", "trailers")]
            fields += [("grpc-timeout", asked)] if asked else []
            fields += [("x-request-timeout", header)] if header else []
            client.wait(client.start(f"/{i}", "POST", fields))
            sent = origin.last(f"/{i}").all("grpc-timeout")
            assert len(sent) == 1 and sent[0].endswith("m"), sent
            assert most - 200 * PATIENCE < int(sent[0][:-1]) <= most
    origin.close()


def test_5xx_are_told_apart(postern_with, make_origin):
    origin = make_origin()
    origin.on("/5xx", answers(500))
    origin.on("/closed", lambda conn, request: conn.reset())
    origin.on("/slow", lambda conn, request: conn.receive(10))
    settings = simple(origin, route={"response_timeout": "200ms"})
    settings["upstream"].append({"name": "dead", "endpoints": [f"127.0.0.1:{free_port()}"]})
    settings["route"] += [
        {"name": "dead", "path": "/dead", "forward": "dead"},
        {"name": "fixed", "path": "/fixed", "reply": {"status": 503}},
    ]
    postern = postern_with(settings)
    wanted = {"upstream_5xx": "/5xx", "upstream_closed": "/closed", "upstream_timeout": "/slow",
              "upstream_refused": "/dead", "ours": "/fixed"}
    for target in wanted.values():
        with postern.client() as client:
            assert client.get(target).status >= 500
    for cause in wanted:
        assert postern.total("postern_responses_5xx_total", cause=cause) == 1, cause
    assert postern.total("postern_responses_5xx_total") == len(wanted)
