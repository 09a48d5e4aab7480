"""Whose turn it is: weights, hash keys, sticky cookies, priorities, and what becomes of a slow endpoint."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter

import pytest

from harness.postern import run_cli
from harness.settings import simple


def over(origins, balance=None, endpoint=None, **upstream) -> dict:
    """All origins in one upstream; `endpoint`: more to say of each, in their order."""
    settings = simple(origins[0], upstream=upstream, route={"buffer_request": True})
    up = settings["upstream"][0]
    if balance:
        up["balance"] = balance
    if endpoint:
        del up["endpoints"]
        up["endpoint"] = [{"address": one.endpoint, **more} for one, more in zip(origins, endpoint)]
    else:
        up["endpoints"] = [one.endpoint for one in origins]
    return settings


def asked(client, headers: str = "", count: int = 1) -> list[str]:
    return [client.get("/x", headers=headers).fields["x-origin"] for _ in range(count)]


def test_weights(postern_with, make_origin):
    origins = [make_origin(name) for name in "abc"]
    weights = [{"weight": 1}, {"weight": 2}, {"weight": 0}]
    postern = postern_with(over(origins, {"kind": "round_robin"}, weights))
    with postern.client() as client:
        assert Counter(asked(client, count=30)) == {"a": 10, "b": 20}


def homes(client, keys) -> dict[int, str]:
    return {key: asked(client, f"X-Key: k{key}\r\n")[0] for key in keys}


def test_hash_moves_only_what_it_must(postern_with, make_origin):
    origins = [make_origin(name) for name in "abcd"]
    balance = {"kind": "hash", "key": "header:X-Key"}
    postern, other = postern_with(over(origins, balance)), postern_with(over(origins, balance))
    keys = range(240)  # so many that each of three is sure to get some of d's, whatever the ports hash to
    with postern.client() as client, other.client() as elsewhere:
        before = homes(client, keys)
        assert set(before.values()) == set("abcd")
        assert homes(client, keys) == before
        assert homes(elsewhere, keys) == before  # every proxy agrees
        postern.reload({**postern.settings, "upstream": over(origins[:3], balance)["upstream"]})
        after = homes(client, keys)
    assert {key: home for key, home in before.items() if home != "d"}.items() <= after.items()
    assert {after[key] for key, home in before.items() if home == "d"} == set("abc")


def test_hash_of_the_body(postern_with, make_origin):
    origins = [make_origin(name) for name in "abcd"]
    postern = postern_with(over(origins, {"kind": "hash", "key": "body"}))
    with postern.client() as client:
        for text in (b"one", b"two", b"three", b"x" * 100_000):
            assert len({client.post("/x", text).fields["x-origin"] for _ in range(4)}) == 1


def test_sticky_cookie(postern_with, make_origin):
    origins = [make_origin(name) for name in "abc"]
    settings = over(origins, {"kind": "round_robin"}, sticky={"cookie": "SID", "max_age": "1h"})
    postern = postern_with(settings)
    with postern.client() as client:
        first = client.get("/x")
        home, given = first.fields["x-origin"], first.fields["set-cookie"]
        match = re.fullmatch(r"SID=([0-9a-f]{48}); Path=/; HttpOnly; SameSite=Lax; Max-Age=3600", given)
        assert match, given
        cookie = f"Cookie: a=b; SID={match[1]}\r\n"
        for _ in range(6):
            again = client.get("/x", headers=cookie)
            assert again.fields["x-origin"] == home and "set-cookie" not in again.fields
        assert len(set(asked(client, count=6))) == 3  # others are not bound
        forged = "f" * 16 + match[1][16:]
        answer = client.get("/x", headers=f"Cookie: SID={forged}\r\n")
        assert re.match("SID=[0-9a-f]{48};", answer.fields["set-cookie"])
        rest = [one for one in origins if one.name != home]
        postern.reload({**postern.settings, "upstream": over(rest, sticky={"cookie": "SID"})["upstream"]})
        moved = client.get("/x", headers=cookie)
        assert moved.status == 200 and moved.fields["x-origin"] != home and "set-cookie" in moved.fields


def test_priorities(postern_with, make_origin):
    first, second = make_origin("a"), make_origin("b")
    postern = postern_with(over([first, second], endpoint=[{"priority": 0}, {"priority": 1}]))
    with postern.client() as client:
        assert asked(client, count=10) == ["a"] * 10
        first.close()
        assert asked(client, count=5) == ["b"] * 5


def test_own_zone(postern_with, make_origin):
    first, second = make_origin("a"), make_origin("b")
    zones = [{"zone": "north"}, {"zone": "south"}]
    postern = postern_with({**over([first, second], endpoint=zones), "zone": "south"})
    with postern.client() as client:
        assert asked(client, count=10) == ["b"] * 10


def tail(postern, clients: int, requests: int) -> float:
    """The 99th percentile of what clients that ask one thing after another wait."""
    took: list[float] = []

    def ask() -> None:
        with postern.client() as client:
            for _ in range(requests):
                start = time.monotonic()
                assert client.get("/x").status == 200
                took.append(time.monotonic() - start)

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(took) == clients * requests
    return sorted(took)[int(len(took) * 0.99) - 1]


def test_a_slow_endpoint_is_left_alone(postern_with, make_origin):
    """One of four answers twenty times slower: its share of the tail is what the default is for."""
    origins = [make_origin(name) for name in "abcd"]
    for one in origins:
        delay = 1.0 if one.name == "d" else 0.05
        one.default = lambda conn, _, delay=delay: (time.sleep(delay), conn.answer())
    tails = {}
    for kind in ("round_robin", "p2c_ewma"):
        postern = postern_with(over(origins, {"kind": kind}))
        if kind == "p2c_ewma":
            tail(postern, 1, 10)  # each has been seen
        tails[kind] = tail(postern, 12, 12)
    assert tails["p2c_ewma"] <= 0.25 * tails["round_robin"], tails


@pytest.mark.parametrize(
    "balance, says",
    [
        ({"kind": "fastest"}, "there is no balancer"),
        ({"kind": "hash"}, "needs to know what to hash"),
        ({"kind": "random", "key": "client"}, "has no effect"),
        ({"kind": "hash", "key": "moon"}, "not something that can be hashed"),
        ({"kind": "hash", "key": "header:"}, "not a name behind the colon"),
    ],
)
def test_what_cannot_be_balanced_is_refused(postern_with, make_origin, balance, says):
    postern = postern_with(over([make_origin()], balance), wait=False)
    assert postern.wait_exit() == 2
    assert says in postern.stderr()


def test_they_are_listed():
    listed = run_cli("list", "balancers").stdout
    for kind in ("hash", "least_requests", "p2c_ewma", "random", "round_robin"):
        assert re.search(rf"^{kind} +[A-Z].*\.$", listed, re.M), listed
