"""API keys: made and revoked on the command line, believed by a running postern, and nowhere to be read afterwards."""

from __future__ import annotations

import time

import pytest

from harness import leaks
from harness.client import PATIENCE
from harness.origin import Origin
from harness.postern import Postern, run_cli

pytestmark = pytest.mark.timeout(60)


class Keys:
    def __init__(self, folder):
        self.file = folder / "keys.jsonl"
        self.made: list[str] = []

    def run(self, action: str, *more: str):
        done = run_cli("apikey", action, "--file", str(self.file), *more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def create(self, *more: str, expires: str = "1h") -> str:
        key = self.run("create", "--name", "a test", "--subject", "ci", "--expires", expires, *more).strip()
        self.made.append(key)
        leaks.add(key)
        return key

    def revoke(self, key: str) -> None:
        self.run("revoke", key.split("_")[1])


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    keys = Keys(tmp_path_factory.mktemp("keys"))
    keys.create()
    return keys


@pytest.fixture(scope="module")
def place(tmp_path_factory, keys):
    origin = Origin("o1")
    routes = [
        {"name": "known", "path": "/known/*", "forward": "origin",
         "access": {"policy": "authenticated", "headers": "oauth2-proxy"}},
        {"name": "scoped", "path": "/scoped/*", "forward": "origin",
         "access": {"policy": "authenticated", "scopes": ["predict"]}},
        {"name": "tokens", "path": "/tokens/*", "forward": "origin",
         "access": {"policy": "authenticated", "credentials": ["bearer"]}},
    ]
    postern = Postern(tmp_path_factory.mktemp("postern"), {
        "listener": [{"name": "main"}],
        "upstream": [{"name": "origin", "endpoints": [origin.endpoint]}],
        "route": routes,
        "credentials": {"api_key_file": str(keys.file)},
    })
    postern.origin = origin
    yield postern
    postern.stop()
    origin.close()


def status(place, path: str, key: str, header: str = "Authorization: Bearer {}") -> int:
    with place.client() as client:
        return client.get(path, headers=header.format(key) + "\r\n" if key else "").status


def wait_for(place, path: str, key: str, expected: int) -> float:
    """Seconds until it is so."""
    begun = time.monotonic()
    while (found := status(place, path, key)) != expected:
        assert time.monotonic() - begun < 5 * PATIENCE, f"still {found}"
        time.sleep(0.02)
    return time.monotonic() - begun


def test_a_key_is_believed_and_stays_here(place, keys):
    for _ in range(2):
        assert status(place, "/known/x", keys.made[0]) == 200
    seen = place.origin.last("/known/x")
    assert seen.fields.get("x-forwarded-user") == "ci"
    assert keys.made[0].encode() not in seen.head
    assert status(place, "/known/x", keys.made[0], "X-API-Key: {}") == 200
    assert keys.made[0].encode() not in place.origin.last("/known/x").head


def test_anything_else_is_not(place, keys):
    good = keys.made[0]
    for bad in (good[:-1], good[:-1] + ("a" if good[-1] != "a" else "b"), good[:20] + ("x" if good[20] != "x" else "y") + good[21:], "pst_", good + "0",
                good.replace("pst_", "PST_")):
        assert status(place, "/known/bad", bad) in (400, 401), bad
    assert status(place, "/known/bad", "") == 401
    assert place.origin.to("/known/bad") == []


def test_new_and_revoked_keys_are_noticed_without_a_reload(place, keys):
    key = keys.create("--scope", "predict")
    wait_for(place, "/known/new", key, 200)
    assert status(place, "/scoped/new", key) == 200
    assert status(place, "/scoped/new", keys.made[0]) == 403
    keys.revoke(key)
    assert wait_for(place, "/known/new", key, 401) < 2 * PATIENCE
    assert status(place, "/known/new", keys.made[0]) == 200


def test_an_expired_key_is_not_recalled(place, keys):
    key = keys.create(expires="3s")
    wait_for(place, "/known/short", key, 200)
    wait_for(place, "/known/short", key, 401)


def test_a_route_may_want_something_else(place, keys):
    assert status(place, "/tokens/x", keys.made[0]) == 401


def test_a_broken_file_changes_nothing(place, keys):
    good = keys.file.read_text()
    before = place.total("postern_certificate_reloads_total", result="failed")
    keys.file.write_text(good + "junk\n")
    place.wait_total("postern_certificate_reloads_total", before + 1, result="failed")
    assert status(place, "/known/x", keys.made[0]) == 200
    keys.file.write_text(good)


def test_no_key_is_in_any_log(place, keys):
    logs = place.stderr() + place.stdout()
    for file in place.folder.rglob("*") if hasattr(place, "folder") else []:
        if file.is_file() and file.suffix in (".log", ".json"):
            logs += file.read_text(errors="replace")
    for key in keys.made:
        assert key not in logs and key.split("_")[2] not in logs
