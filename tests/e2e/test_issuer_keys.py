"""Keys that are fetched: found by discovery, changed under load, missing, and an identity provider that is gone."""

from __future__ import annotations

import threading
import time

import pytest

from harness.client import RawClient
from harness.idp import Provider
from harness.tokens import Issuer, Key

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def provider(tmp_path):
    one = Provider(Issuer(tmp_path))
    yield one
    one.stop()


def settings(origin, provider: Provider, workers: int = 1, **more) -> dict:
    access = {"policy": "authenticated"}
    return {
        "workers": workers,
        "listener": [{"name": "main"}],
        "upstream": [{"name": "origin", "endpoints": [origin.endpoint]}],
        "route": [{"name": "all", "path": "/*", "forward": "origin", "access": access}],
        "issuer": [provider.table(**more)],
    }


def status(postern, token: str) -> int:
    with postern.client() as client:
        return client.get("/x", headers=f"Authorization: Bearer {token}\r\n").status


def test_keys_are_found_by_discovery(postern_with, make_origin, provider):
    here = postern_with(settings(make_origin(), provider))
    assert status(here, provider.issuer.token()) == 200
    assert provider.requests == ["/.well-known/openid-configuration", "/keys"]


def test_a_discovery_document_of_somebody_else_is_not_believed(postern_with, make_origin, provider):
    body = b'{"issuer": "http://127.0.0.1/other", "jwks_uri": "%s/keys"}' % provider.url.encode()
    provider.answer["/.well-known/openid-configuration"] = (200, {}, body)
    here = postern_with(settings(make_origin(), provider))
    assert status(here, provider.issuer.token()) == 503
    assert provider.fetches() == 0


def test_a_new_key_is_looked_for_once(postern_with, make_origin, provider):
    here = postern_with(settings(make_origin(), provider, workers=2))
    assert status(here, provider.issuer.token()) == 200
    new = Key("ES256", "k2")
    provider.issuer.keys.append(new)
    provider.delay = 0.3  # all of them wait for the one fetch
    statuses: list[int] = []
    tokens = [provider.issuer.token(sub=f"s{number}", key=new) for number in range(20)]
    threads = [threading.Thread(target=lambda t=token: statuses.append(status(here, t))) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 20
    assert provider.fetches() == 2


def test_a_key_that_is_gone_takes_its_tokens_along(postern_with, make_origin, provider):
    """T82, without a reload, which would forget them anyway."""
    here = postern_with(settings(make_origin(), provider))
    old = provider.issuer.token()
    for _ in range(2):
        assert status(here, old) == 200  # remembered
    new = Key("ES256", "k2")
    provider.issuer.keys[:] = [new]
    assert status(here, provider.issuer.token(key=new)) == 200  # looked for at once: so the old one is seen to be gone
    assert status(here, old) == 401


def test_a_flood_of_unknown_keys_fetches_once(postern_with, make_origin, provider):
    here = postern_with(settings(make_origin(), provider))
    good = provider.issuer.token()
    assert status(here, good) == 200
    with here.client() as client:
        for number in range(300):
            token = provider.issuer.token(header={"kid": f"random-{number}"})
            assert client.get("/x", headers=f"Authorization: Bearer {token}\r\n").status == 401
            if number % 50 == 0:
                assert status(here, good) == 200
    assert provider.fetches() == 2


def test_a_provider_that_is_down(postern_with, make_origin, provider):
    here = postern_with(settings(make_origin(), provider))
    known, unseen = provider.issuer.token(), provider.issuer.token(sub="unseen")
    assert status(here, known) == 200
    provider.stop()
    assert status(here, known) == 200
    assert status(here, unseen) == 200  # keys that are known are good without it
    new = Key("ES256", "k2")
    assert status(here, provider.issuer.token(key=new)) == 503  # nobody can tell: not 401
    provider.issuer.keys.append(new)
    provider.restart()


def test_it_starts_without_its_provider(postern_with, make_origin, provider):
    provider.stop()
    here = postern_with(settings(make_origin(), provider))
    answer = here.client().get("/x", headers=f"Authorization: Bearer {provider.issuer.token()}\r\n")
    assert answer.status == 503 and answer.fields.get("retry-after")  # T88: never open
    provider.restart()
    deadline = time.monotonic() + 30
    while status(here, provider.issuer.token()) != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)


REFUSED = {
    "elsewhere": (302, {"Location": "http://127.0.0.1:1/keys"}, b""),
    "too large": (200, {}, b'{"keys":[' + b" " * 600_000 + b"]}"),
    "no json": (200, {}, b"<html>"),
    "an error": (500, {}, b""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_answers_that_are_no_keys(postern_with, make_origin, provider, case):
    provider.answer["/keys"] = REFUSED[case]
    here = postern_with(settings(make_origin(), provider))
    assert status(here, provider.issuer.token()) == 503


def test_private_addresses_are_not_asked(postern_with, make_origin, provider):
    table = settings(make_origin(), provider)
    table["issuer"][0]["allow_private"] = False
    here = postern_with(table)
    assert status(here, provider.issuer.token()) == 503
    assert not provider.requests


def test_rotation_under_load(postern_with, make_origin, provider):
    """Old keys go, new ones come: no good request is refused, and no bad one is let through: not what the old key
    signed once it is gone, remembered or not."""
    here = postern_with(settings(make_origin(), provider, workers=2))
    issuer, stop, failures, done = provider.issuer, threading.Event(), [], [0]

    def load(number: int) -> None:
        with RawClient(here.address("main"), timeout=10) as client:
            while not stop.is_set():
                token = issuer.token(sub=f"s{number}-{done[0]}", key=issuer.keys[-1])
                got = client.get("/x", headers=f"Authorization: Bearer {token}\r\n").status
                done[0] += 1
                if got != 200:
                    failures.append(got)

    threads = [threading.Thread(target=load, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    old = issuer.keys[0]
    issuer.keys.append(Key("ES256", "k2"))  # published before it is used
    time.sleep(1)
    gone = [issuer.token(sub=f"gone{number}", key=old) for number in range(8)]
    with here.client() as one, here.client() as other:  # remembered, wherever the two are served
        assert {client.get("/x", headers=f"Authorization: Bearer {token}\r\n").status
                for token in gone for client in (one, other)} == {200}  # fmt: skip
    issuer.keys.remove(old)
    here.settings["issuer"][0]["keys_max_stale"] = "23h"  # fetched with the reload then, instead of in ten minutes
    here.reload(here.settings)
    late = [issuer.token(sub=f"late{number}", key=old) for number in range(20)]
    accepted = [code for token in gone * 4 + late if (code := status(here, token)) != 401]
    time.sleep(0.3)
    stop.set()
    for thread in threads:
        thread.join()
    assert not accepted, accepted
    assert not failures and done[0] > 50, (failures[:5], done)
    assert len(issuer.keys) == 1 and provider.fetches() >= 3
