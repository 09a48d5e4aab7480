"""Limits of a running postern: 429 with its fields, shared by all workers, kept over a reload."""

from __future__ import annotations

import threading
import time

import pytest

from harness.client import PATIENCE
from harness.origin import Origin
from harness.postern import Postern

pytestmark = pytest.mark.timeout(60)


def limited(name: str, **limit) -> tuple[dict, dict]:
    route = {"name": name, "path": f"/{name}/*", "forward": "origin", "access": {"auth": "none", "limits": [name]}}
    return route, {"name": name, **limit}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    origin = Origin("o1")
    pairs = [
        limited("few", requests=5, interval="1h"),
        limited("many", requests=200, interval="1h"),
        limited("reload", requests=3, interval="1h"),
        limited("bytes", body="1KiB", interval="1h"),
        limited("fast", requests=50, interval="1s"),
    ]
    postern = Postern(tmp_path_factory.mktemp("postern"), {
        "workers": 2,
        "listener": [{"name": "main"}],
        "upstream": [{"name": "origin", "endpoints": [origin.endpoint]}],
        "route": [route for route, _ in pairs],
        "limit": [limit for _, limit in pairs],
    })
    yield postern
    postern.stop()
    origin.close()


def ask(place, target: str):
    with place.client() as client:
        return client.get(target)


def test_what_is_too_much_is_told_with_the_time_to_wait(place):
    assert [ask(place, "/few/x").status for _ in range(5)] == [200] * 5
    refused = ask(place, "/few/x")
    assert refused.status == 429
    assert 700 < int(refused.fields["retry-after"]) <= 720  # one of five flows in each twelve minutes
    assert refused.fields["ratelimit-policy"] == '"few";q=5;w=3600'
    assert refused.fields["ratelimit"].startswith('"few";r=0;t=7')
    assert refused.fields["content-type"] == "application/problem+json"


def test_workers_share_one_budget(place):
    good = []

    def load() -> None:
        for _ in range(60):
            if ask(place, "/many/x").status == 200:  # a connection each: they are spread over the workers
                good.append(1)

    clients = [threading.Thread(target=load) for _ in range(6)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert 190 <= len(good) <= 200


def test_the_bucket_fills_again(place):
    while ask(place, "/fast/x").status == 200:
        pass
    deadline = time.monotonic() + 3 * PATIENCE
    while ask(place, "/fast/x").status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_counts_survive_a_reload(place):
    assert [ask(place, "/reload/x").status for _ in range(3)] == [200] * 3
    place.reload()
    assert ask(place, "/reload/x").status == 429
    settings = dict(place.settings)
    settings["limit"] = [dict(one, requests=9) if one["name"] == "reload" else one for one in settings["limit"]]
    place.reload(settings)
    assert ask(place, "/reload/x").status == 200


def test_bodies_are_counted(place):
    with place.client() as client:
        assert client.post("/bytes/x", b"x" * 700).status == 200
        assert client.post("/bytes/x", b"x" * 700).status == 200  # there was something left
        assert client.post("/bytes/x", b"x").status == 429
        assert client.get("/bytes/x").status == 200
