"""A flood of bad tokens costs its budget of signatures and no more, whatever the algorithm; those who are good are not
in its way. What is counted are the signatures that were checked, so that no clock of the machine decides."""

from __future__ import annotations

import time

import pytest

from harness.client import RawClient
from harness.tokens import Issuer, Key

pytestmark = pytest.mark.timeout(60)

BUDGET = 20
FLOOD = 2_000
BATCH = 50


@pytest.fixture
def issuer(tmp_path):
    one = Issuer(tmp_path)
    one.keys += [Key("RS256", "k2"), Key("EdDSA", "k3")]
    one.write()
    return one


def settings(origin, issuer: Issuer) -> dict:
    return {
        "listener": [{"name": "main"}],
        "upstream": [{"name": "origin", "endpoints": [origin.endpoint]}],
        "route": [{"name": "all", "path": "/*", "forward": "origin", "access": {"policy": "authenticated"}}],
        "issuer": [issuer.table()],
        "credentials": {"failures_per_second": BUDGET},
    }


def request(token: str) -> str:
    return f"GET /x HTTP/1.1\r\nHost: a.test\r\nAuthorization: Bearer {token}\r\n\r\n"


def status(postern, token: str, source: str = "127.0.0.1") -> int:
    with RawClient(postern.address("main"), source=source) as client:
        return client.ask(request(token)).status


def results(postern) -> dict[str, float]:
    names = ("refused", "over_budget", "verified", "recalled")
    return {name: postern.total("postern_credentials_total", result=name) for name in names}


@pytest.mark.parametrize("number", [0, 1, 2], ids=["ES256", "RS256", "EdDSA"])
def test_a_flood_costs_its_budget(postern_with, make_origin, issuer, number):
    here = postern_with(settings(make_origin(), issuer))
    key = issuer.keys[number]
    known = issuer.token(sub="known", key=key)
    assert status(here, known) == 200
    start, signature = issuer.token(sub="bad", key=key).rsplit(".", 1)
    # Another message each time: all of them well formed, signed by nobody.
    bad = [f"{start}.{count:08d}{signature[8:]}" for count in range(FLOOD)]
    before, begun, statuses = results(here), time.monotonic(), []
    with here.client() as flood, here.client() as good:
        for at in range(0, FLOOD, BATCH):
            flood.send("".join(request(token) for token in bad[at : at + BATCH]))
            statuses += [flood.read().status for _ in range(BATCH)]
            assert good.ask(request(known)).status == 200  # from the same address
        elapsed = time.monotonic() - begun
        assert status(here, issuer.token(sub="new", key=key), source="127.0.0.2") == 200
    counted = {name: value - before[name] for name, value in results(here).items()}
    checked = counted["refused"]
    assert set(statuses) <= {401, 429} and statuses.count(401) == checked
    # What a bucket holds, and what has come back meanwhile.
    assert BUDGET <= checked <= BUDGET * (elapsed + 1) + 1, (checked, elapsed)
    assert counted["over_budget"] == FLOOD - checked
    assert counted["verified"] == 1 and counted["recalled"] == FLOOD / BATCH
