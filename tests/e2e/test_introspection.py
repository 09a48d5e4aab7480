"""Tokens that only their issuer can read (RFC 7662): asked once, believed for a while, taken back, and what happens
when nobody answers."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import time

import pytest

from harness.certs import Authority, client_context, openssl, server_context
from harness.client import RawClient
from harness.idp import SECRET, Provider
from harness.postern import run_cli
from harness.tokens import AUDIENCE, Issuer, Prover, b64

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def provider(tmp_path):
    one = Provider(Issuer(tmp_path))
    yield one
    one.stop()


@pytest.fixture
def origin(make_origin):
    return make_origin()


def settings(origin, provider: Provider, workers: int = 1, access: dict | None = None, **more) -> dict:
    rules = {"policy": "authenticated", "headers": "oauth2-proxy", "forward_credential": False, **(access or {})}
    return {
        "workers": workers,
        "listener": [{"name": "main"}],
        "access_log": {"format": "json"},
        "upstream": [{"name": "origin", "endpoints": [origin.endpoint]}],
        "route": [
            {"name": "scoped", "path": "/scoped/*", "forward": "origin", "access": {**rules, "scopes": ["predict"]}},
            {"name": "other", "path": "/other/*", "forward": "origin",
             "access": {**rules, "audiences": ["https://other.test"]}},
            {"name": "all", "path": "/*", "forward": "origin", "access": rules},
        ],
        "issuer": [provider.table(**provider.introspection(**more))],
    }  # fmt: skip


def get(postern, token: str, path: str = "/x", scheme: str = "Bearer"):
    with postern.client() as client:
        return client.get(path, headers=f"Authorization: {scheme} {token}\r\n")


def status(postern, token: str, path: str = "/x") -> int:
    return get(postern, token, path).status


def test_an_opaque_token_is_asked_about_once(postern_with, origin, provider):
    here = postern_with(settings(origin, provider))
    token = provider.opaque_token(email="alice@corp.test", scope="read predict", client_id="app")
    for _ in range(3):
        assert status(here, token) == 200
    assert provider.asked == [token]
    seen = origin.last("/x")
    assert seen.fields.get("x-forwarded-user") == "alice" and not seen.fields.get("authorization")
    # Audience and scopes belong to the route, and are asked each time (T80).
    assert status(here, token, "/scoped/x") == 200
    assert status(here, token, "/other/x") == 401
    assert status(here, provider.opaque_token(scope="read"), "/scoped/x") == 403
    assert status(here, provider.issuer.token()) == 200  # its JWTs are read here
    assert len(provider.asked) == 2
    here.wait_total("postern_introspections_total", 2, issuer="corp", result="active")


def test_what_the_answer_must_say(postern_with, origin, provider):
    here = postern_with(settings(origin, provider))
    now = int(time.time())
    refused = {
        "unknown": secrets.token_urlsafe(24),
        "other audience": provider.opaque_token(aud="https://other.test"),
        "no audience": provider.opaque_token(aud=None),
        "other issuer": provider.opaque_token(iss=provider.url + "/"),
        "expired": provider.opaque_token(exp=now - 60),
        "not yet": provider.opaque_token(nbf=now + 600),
        "nobody": provider.opaque_token(sub=None),
        "a refresh token": provider.opaque_token(token_use="refresh_token"),
        "an ID token": provider.opaque_token(typ="ID"),
        "bound to what we do not know": provider.opaque_token(cnf={"x": "y"}),
    }
    for case, token in refused.items():
        answer = get(here, token)
        assert answer.status == 401 and 'error="invalid_token"' in answer.fields.get("www-authenticate"), case
    asked = len(provider.asked)
    assert [status(here, token) for token in refused.values()] == [401] * len(refused)
    assert len(provider.asked) == asked  # remembered for a moment
    assert status(here, provider.opaque_token(iss=None, exp=None, iat=None)) == 200
    assert status(here, provider.opaque_token(token_type="bearer", username="alice")) == 200


def test_an_answer_that_names_no_audience(postern_with, origin, provider):
    here = postern_with(settings(origin, provider, introspection_needs_audience=False))
    assert status(here, provider.opaque_token(aud=None, token_type="Bearer")) == 200
    assert status(here, provider.opaque_token(aud=None)) == 401  # neither for whom nor what kind
    assert status(here, provider.opaque_token(aud="https://other.test", token_type="Bearer")) == 401


def test_only_opaque_tokens_are_shown_to_it(postern_with, origin, provider, tmp_path):
    keys = str(tmp_path / "keys.jsonl")
    run_cli("apikey", "create", "--file", keys, "--name", "a", "--subject", "ci", "--expires", "1h")
    table = settings(origin, provider)
    table["credentials"] = {"api_key_file": keys}
    here = postern_with(table)
    stranger = Issuer(provider.issuer.folder, "stranger", url="https://stranger.test")
    assert status(here, stranger.token()) == 401
    assert status(here, provider.issuer.token(exp=int(time.time()) - 100)) == 401
    assert status(here, "pst_abcdefgh_0123456789") == 401
    assert status(here, "eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d") == 401
    with here.client() as client:
        assert client.get("/x", headers="Authorization: Bearer a b\r\n").status == 400
        assert client.get("/x", headers="X-API-Key: somebody-elses-key\r\n").status == 401
    assert provider.asked == []


def test_jwts_as_well_where_it_is_asked_about_all(postern_with, origin, provider):
    here = postern_with(settings(origin, provider, introspection_tokens="all"))
    token = provider.issuer.token()
    assert status(here, token) == 401  # well signed, but its issuer knows better
    assert provider.asked == [token] and not provider.fetches()
    claims = provider.opaque.pop(provider.opaque_token(sub="bob"))
    fresh = provider.issuer.token(sub="bob")
    provider.opaque[fresh] = claims
    assert status(here, fresh) == 200
    stranger = Issuer(provider.issuer.folder, "stranger", url="https://stranger.test")
    assert status(here, stranger.token()) == 401
    assert provider.asked == [token, fresh]


@pytest.mark.concurrency
def test_requests_wait_for_one_answer(postern_with, origin, provider):
    here = postern_with(settings(origin, provider, workers=2))
    provider.delay = 0.4
    token, statuses = provider.opaque_token(), []
    threads = [threading.Thread(target=lambda: statuses.append(status(here, token))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 20
    assert provider.asked == [token]


def test_an_answer_is_believed_for_its_time(postern_with, origin, provider):
    here = postern_with(settings(origin, provider, introspection_ttl="1s"))
    token = provider.opaque_token()
    assert [status(here, token) for _ in range(2)] == [200, 200]
    provider.revoke(token)
    deadline = time.monotonic() + 5
    while status(here, token) != 401:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert provider.asked == [token, token]


@pytest.mark.concurrency
def test_what_turns_inactive_is_forgotten_everywhere(postern_with, origin, provider):
    """One worker is asked about a token it does not know; the others, that know it, forget it (T84)."""
    here = postern_with(settings(origin, provider, workers=3, introspection_ttl="10m"))
    token = provider.opaque_token()
    clients = [here.client() for _ in range(24)]  # some of them on every worker, most likely
    ask = [lambda c=client: c.get("/x", headers=f"Authorization: Bearer {token}\r\n").status for client in clients]
    assert ask[0]() == 200
    provider.revoke(token)
    deadline, statuses = time.monotonic() + 5, []
    while 200 in (statuses := [one() for one in ask]):
        if 401 not in statuses:
            break  # all of them on the worker that knows it
        assert time.monotonic() < deadline, statuses
    for client in clients:
        client.close()


def test_nobody_answers(postern_with, origin, provider):
    here = postern_with(settings(origin, provider))
    known = provider.opaque_token()
    assert status(here, known) == 200
    broken = {
        "an error": (500, {}, b""),
        "a redirect": (302, {"Location": provider.url + "/introspect?again"}, b""),
        "no JSON": (200, {}, b"<html>"),
        "twice": (200, {}, b'{"active":false,"active":true,"sub":"a","aud":"https://models.test"}'),
        "no boolean": (200, {}, b'{"active":"true"}'),
        "nothing": (200, {}, b"{}"),
        "too much": (200, {}, b'{"active":true,"x":"' + b"y" * 70_000 + b'"}'),
        "a time that is none": (200, {}, b'{"active":true,"sub":"a","aud":"https://models.test","exp":"soon"}'),
        "we are not known": (401, {}, b""),
    }
    for case, answer in broken.items():
        provider.answer["/introspect"] = answer
        got = get(here, provider.opaque_token())
        assert got.status == 503 and got.fields.get("retry-after"), case
        assert status(here, known) == 200, case  # it is believed as long as it was
    provider.answer.clear()
    late = provider.opaque_token()
    provider.delay = 2.5
    began = time.monotonic()
    assert status(here, late) == 503
    assert time.monotonic() - began < 2.4
    provider.delay = 0.0
    time.sleep(0.7)  # the question that nobody waits for
    assert status(here, late) == 200
    provider.stop()
    began = time.monotonic()
    assert [status(here, provider.opaque_token()) for _ in range(20)] == [503] * 20
    assert status(here, known) == 200
    assert time.monotonic() - began < 5
    here.wait_total("postern_introspection_failing", 1, issuer="corp")
    provider.restart()
    deadline = time.monotonic() + 10
    while status(here, late) != 200 or status(here, provider.opaque_token()) != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert SECRET not in here.stderr()


def test_a_flood_of_random_tokens(postern_with, origin, provider):
    table = settings(origin, provider)
    table["credentials"] = {"failures_per_second": 10}
    here = postern_with(table)
    good = provider.opaque_token()
    assert status(here, good) == 200
    statuses = []
    began = time.monotonic()
    with here.client() as client:
        for _ in range(400):
            headers = f"Authorization: Bearer {secrets.token_urlsafe(24)}\r\n"
            statuses.append(client.get("/x", headers=headers).status)
    lasted = time.monotonic() - began
    assert set(statuses) == {401, 429}
    assert len(provider.asked) - 1 == statuses.count(401) <= 10 + 10 * (lasted + 1)
    assert status(here, good) == 200


def test_private_addresses_are_not_asked(postern_with, origin, provider):
    table = settings(origin, provider)
    table["issuer"][0]["allow_private"] = False
    here = postern_with(table)
    assert status(here, provider.opaque_token()) == 503
    assert not provider.asked


def test_it_is_asked_over_tls_that_is_verified(postern_with, origin, authority, tmp_path):
    provider = Provider(Issuer(tmp_path), server_context(authority.issue("idp", hosts=["127.0.0.1"])))
    table = settings(origin, provider, introspection_tokens="all", ca=str(authority.cert))
    table["issuer"][0]["allow_http"] = False
    here = postern_with(table)
    assert [status(here, provider.opaque_token()) for _ in range(2)] == [200, 200]
    asked = len(provider.asked)
    stranger = Authority(tmp_path / "stranger", "Stranger")
    table["issuer"][0]["ca"] = str(stranger.cert)
    here.reload({**here.settings, "issuer": table["issuer"]})
    assert status(here, provider.opaque_token()) == 503
    assert len(provider.asked) == asked
    assert "why=" in here.wait_log("does not answer what it is asked about tokens")
    provider.stop()


def test_bound_tokens(postern_with, origin, provider, authority):
    table = settings(origin, provider)
    table["listener"][0]["tls"] = {
        "certificate": [authority.issue("a.test").table()], "client_auth": "optional",
        "client_ca": str(authority.cert)}  # fmt: skip
    here = postern_with(table)

    def ask(token: str, context, scheme: str = "Bearer", more: str = "") -> int:
        with RawClient(here.address("main"), tls=context, server_name="a.test") as client:
            return client.get("/x", headers=f"Authorization: {scheme} {token}\r\n{more}", host="a.test").status

    robot, plain = authority.issue("robot.test", client=True), client_context(authority)
    der = openssl("x509", "-in", robot.cert, "-outform", "DER").stdout
    token = provider.opaque_token(cnf={"x5t#S256": b64(hashlib.sha256(der).digest())})
    for _ in range(2):  # from the cache as well (T86)
        assert ask(token, plain) == 401
        assert ask(token, client_context(authority, pair=robot)) == 200

    prover = Prover(lambda cnf: provider.opaque_token(cnf=cnf, token_type="DPoP"))
    with RawClient(here.address("main"), tls=plain, server_name="a.test") as client:
        assert client.get("/x", headers=f"Authorization: Bearer {prover.token}\r\n").status == 401
        asked = client.get("/x", headers=prover.headers("GET", "https://a.test/x"))
        assert asked.status == 401 and 'error="use_dpop_nonce"' in asked.fields["www-authenticate"]
        prover.nonce = asked.fields["dpop-nonce"]
        assert client.get("/x", headers=prover.headers("GET", "https://a.test/x")).status == 200
    assert provider.asked.count(prover.token) == 1


def test_explain(postern_with, origin, provider, tmp_path):
    here = postern_with(settings(origin, provider))
    words = ("explain", "--config", str(here.config))
    shown = run_cli(*words, "--token", "opaque-token", "GET", "/x")
    assert shown.returncode == 1 and 'issuer "corp"' in shown.stdout and "503" in shown.stdout, shown.stdout
    answer = tmp_path / "answer.json"
    for active, code, says in ((True, 0, "opaque"), (False, 1, "401")):
        answer.write_text(json.dumps({"active": active, "sub": "alice", "aud": AUDIENCE}))
        shown = run_cli(*words, "--claims", str(answer), "GET", "/x")
        assert shown.returncode == code and says in shown.stdout, shown.stdout
    assert provider.asked == []


def test_a_token_is_shown_to_one_issuer_only(postern_with, origin, provider, tmp_path):
    here = postern_with(settings(origin, provider))
    second = {**here.settings["issuer"][0], "name": "second", "url": "https://second.test", "jwks_url": provider.url}
    two = {**here.settings, "issuer": [*here.settings["issuer"], second]}
    assert "several issuers could be asked" in here.reload(two, result="failed")
