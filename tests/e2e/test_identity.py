"""Who is asking: tokens from files of keys, what is said to whom who has none, and what the upstream gets to see."""

from __future__ import annotations

import json
import time

import pytest

from harness.client import PATIENCE
from harness.tokens import AUDIENCE, Issuer, Key, hs256, sign

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    return Issuer(tmp_path_factory.mktemp("issuer"))


ROUTES = {
    "open": {"path": "/open/*"},
    "known": {"path": "/known/*", "access": {"policy": "authenticated", "headers": "oauth2-proxy"}},
    "scoped": {"path": "/scoped/*", "access": {"policy": "authenticated", "scopes": ["predict", "models:read"]}},
    "here": {"path": "/here/*", "access": {"policy": "authenticated", "audiences": ["https://here.test"]}},
    "ml": {"path": "/ml/{model}/predict", "access": {"policy": "ml", "shadow_policy": "authenticated"}},
    "maybe": {"path": "/maybe/*", "access": {"auth": "optional", "policy": "anyone", "headers": "plain"}},
    "keeps": {"path": "/keeps/*", "access": {"policy": "authenticated", "forward_credential": True}},
    "claims": {
        "path": "/claims/*",
        "access": {"policy": "authenticated", "claim_headers": {"X-Tenant": "org.tenant", "X-Tags": "tags"}},
    },
}


def settings(origin, issuer: Issuer, **more) -> dict:
    routes = [{"name": name, "forward": "origin", **route} for name, route in ROUTES.items()]
    routes[0]["access"] = {"auth": "none"}
    return {
        "listener": [{"name": "main"}],
        "upstream": [{"name": "origin", "endpoints": [origin.endpoint]}],
        "route": routes,
        "issuer": [issuer.table()],
        "policy": [
            {"name": "ml", "allow": ['groups has "ml" and path.model == "bert"'], "deny": ['subject == "mallory"']},
            {"name": "anyone", "allow": ['method == "GET"']},
        ],
        **more,
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory, issuer):
    """A postern that asks, and the origin behind it."""
    from harness.origin import Origin
    from harness.postern import Postern

    origin = Origin("o1")
    postern = Postern(tmp_path_factory.mktemp("postern"), settings(origin, issuer))
    postern.origin = origin
    yield postern
    postern.stop()
    origin.close()


def get(place, path: str, *headers: str, method: str = "GET"):
    with place.client() as client:
        return client.get(path, headers="".join(f"{one}\r\n" for one in headers), method=method)


def bearer(token: str) -> str:
    return f"Authorization: Bearer {token}"


def test_a_good_token_goes_through_and_stays_here(place, issuer):
    token = issuer.token(email="alice@corp.test", email_verified=True, groups=["ml", "ops"])
    for _ in range(2):
        answer = get(place, "/known/good", bearer(token))
        assert answer.status == 200
    seen = place.origin.last("/known/good").fields
    assert seen.get("x-forwarded-user") == "alice"
    assert seen.get("x-forwarded-email") == "alice@corp.test"
    assert seen.get("x-forwarded-groups") == "ml,ops"
    assert seen.get("authorization") is None
    assert token.encode() not in place.origin.last("/known/good").head


def test_it_is_verified_once(place, issuer):
    token = issuer.token(sub="once")
    before = [place.total("postern_credentials_total", result=result) for result in ("verified", "recalled")]
    for _ in range(10):
        assert get(place, "/known/once", bearer(token)).status == 200
    after = [place.total("postern_credentials_total", result=result) for result in ("verified", "recalled")]
    assert [after[0] - before[0], after[1] - before[1]] == [1, 9]


def test_who_shows_nothing_is_asked(place):
    answer = get(place, "/known/x")
    assert answer.status == 401
    assert answer.fields.get("www-authenticate") == 'Bearer realm="postern"'  # RFC 6750 3.1: no error code
    assert answer.fields.get("cache-control") == "no-store"
    assert json.loads(answer.body)["status"] == 401


def from_now(seconds: int) -> int:
    return int(time.time()) + seconds


BAD = {
    "expired": lambda: {"exp": from_now(-60)},
    "not yet": lambda: {"nbf": from_now(90)},
    "no expiry": {"exp": None},
    "expiry is a text": {"exp": "tomorrow"},
    "other issuer": {"iss": "https://evil.test"},
    "issuer with a slash": {"iss": "https://idp.test/"},
    "other audience": {"aud": "https://other.test"},
    "no audience": {"aud": None},
    "audience is a number": {"aud": 7},
    "logout token": {"header": {"typ": "logout+jwt"}},
    "proof": {"header": {"typ": "dpop+jwt"}},
    "critical": {"header": {"crit": ["exp"]}},
    "algorithm none": {"header": {"alg": "none"}},
    "other algorithm": {"header": {"alg": "RS256"}},
    "other key": {"header": {"kid": "k9"}},
    "bound to a key": {"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}},
    "nobody": {"sub": None},
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_token_is_refused_without_saying_why(place, issuer, case):
    claims = BAD[case]  # times are as of the test's run, not of its collection
    token = issuer.token(**(claims() if callable(claims) else claims))
    before = len(place.origin.to("/known/bad"))
    answers = [get(place, "/known/bad", bearer(token)) for _ in range(2)]  # the second time it is remembered
    for answer in answers:
        assert answer.status == 401, case
        assert answer.fields.get("www-authenticate") == 'Bearer realm="postern", error="invalid_token"'
        assert b"expired" not in answer.body and b"audience" not in answer.body
    assert len(place.origin.to("/known/bad")) == before


def test_a_signature_by_another_key_is_refused_and_the_good_one_still_accepted(place, issuer):
    good = issuer.token(sub="twin")
    forged = good[: good.rindex(".") + 1] + issuer.token(sub="other", key=Key("ES256", "k1")).rsplit(".", 1)[1]
    assert get(place, "/known/twin", bearer(forged)).status == 401
    assert get(place, "/known/twin", bearer(good)).status == 200  # T85: the whole token is the key
    assert get(place, "/known/twin", bearer(forged)).status == 401


def test_hmac_with_the_public_key_is_refused(place, issuer):
    for secret in (b"", json.dumps(issuer.keys[0].jwk).encode(), issuer.file.read_bytes()):
        claims = {"iss": issuer.url, "aud": AUDIENCE, "sub": "eve", "exp": from_now(600)}
        token = sign({"alg": "HS256", "kid": "k1", "typ": "at+jwt"}, claims, hs256(secret))
        assert get(place, "/known/hmac", bearer(token)).status == 401


@pytest.mark.parametrize(
    "value", ["Bearer  {}", "Bearer\t{}", "Bearer {},extra", "Bearer {} x", "Bearer", "Bearer ", "bearer {} ", "Bearer ="]
)
def test_one_strict_grammar(place, issuer, value):
    answer = get(place, "/known/grammar", "Authorization: " + value.format(issuer.token()))
    if value == "bearer {} ":
        assert answer.status == 200  # the scheme in any case; white space around a value is no part of it
    else:
        assert answer.status == 400, value
        assert answer.fields.get("www-authenticate") == 'Bearer realm="postern", error="invalid_request"'


def test_two_credentials_are_one_too_many(place, issuer):
    one, other = bearer(issuer.token()), bearer(issuer.token(sub="bob"))
    assert get(place, "/known/two", one, other).status == 400
    assert get(place, "/known/two?access_token=" + issuer.token(), one).status == 400
    assert get(place, "/known/two", one).status == 200


def test_scopes(place, issuer):
    answer = get(place, "/scoped/x", bearer(issuer.token(scope="predict")))
    assert answer.status == 403
    challenge = 'Bearer realm="postern", error="insufficient_scope", scope="predict models:read"'
    assert answer.fields.get("www-authenticate") == challenge
    assert get(place, "/scoped/x", bearer(issuer.token(scope="models:read x predict"))).status == 200


def test_an_audience_of_the_route_is_judged_each_time(place, issuer):
    token = issuer.token()
    assert get(place, "/known/aud", bearer(token)).status == 200
    assert get(place, "/here/aud", bearer(token)).status == 401  # T80: not what another route thought of it
    assert get(place, "/here/aud", bearer(issuer.token(aud=[AUDIENCE, "https://here.test"]))).status == 200


def test_policy(place, issuer):
    member, other = issuer.token(groups=["ml"]), issuer.token(sub="bob", groups=["m", "l", "ml,x"])
    assert get(place, "/ml/bert/predict", bearer(member)).status == 200
    answer = get(place, "/ml/other/predict", bearer(member))
    assert answer.status == 403 and answer.fields.get("www-authenticate") is None
    assert get(place, "/ml/bert/predict", bearer(other)).status == 403
    assert get(place, "/ml/bert/predict", bearer(issuer.token(sub="mallory", groups=["ml"]))).status == 403
    assert place.total("postern_access_total", route="ml", result="denied") == 3
    assert place.total("postern_access_total", route="ml", result="shadow_allowed") == 3


def test_optional(place, issuer):
    assert get(place, "/maybe/x").status == 200
    assert place.origin.last("/maybe/x").fields.get("remote-user") is None
    assert get(place, "/maybe/x", bearer(issuer.token())).status == 200
    assert place.origin.last("/maybe/x").fields.get("remote-user") == "alice"
    assert get(place, "/maybe/x", bearer("nonsense")).status == 401  # what is shown has to be good
    assert get(place, "/maybe/x", bearer(issuer.token()), method="DELETE").status == 403
    answer = get(place, "/maybe/x", method="DELETE")  # not to nobody: somebody else might
    assert answer.status == 401 and answer.fields.get("www-authenticate") == 'Bearer realm="postern"'


SPELLINGS = [
    "X-Forwarded-User",
    "x-forwarded-user",
    "X.Forwarded.User",
    "X-Forwarded.User",
    "XForwardedUser",
    "X-Auth-Request-Email",
    "X-Pomerium-Jwt-Assertion",
    "Remote-User",
    "X-Goog-Authenticated-User-Email",
    "x-amzn-oidc-identity",
    "Cf-Access-Jwt-Assertion",
    "X-Postern-Assertion",
    "X-Tenant",
    "x.tenant",
]


def test_what_clients_say_of_themselves_is_taken_out(place, issuer):
    claimed = [f"{name}: root" for name in SPELLINGS]
    for path in ("/open/spoof", "/known/spoof"):
        assert get(place, path, bearer(issuer.token()), *claimed, "X-Other: root").status == 200
        head = place.origin.last(path).head
        assert head.count(b"root") == 1, head
    assert place.origin.last("/known/spoof").fields.get("x-forwarded-user") == "alice"


def test_a_hop_by_hop_name_does_not_remove_ours(place, issuer):
    get(place, "/known/hop", bearer(issuer.token()), "Connection: X-Forwarded-User, close", "X-Forwarded-User: root")
    assert place.origin.last("/known/hop").fields.get("x-forwarded-user") == "alice"
    token = bearer(issuer.token(org={"tenant": "t1"}))  # a name that nobody protects but us
    assert get(place, "/claims/hop", token, "Connection: X-Tenant, Authorization, close", "X-Tenant: root").status == 200
    seen = place.origin.last("/claims/hop").fields
    assert seen.get("x-tenant") == "t1" and seen.get("authorization") is None


def test_claims_cannot_break_out_of_a_header(place, issuer):
    groups = ["CN=a,OU=b", "c\r\nX-Evil: 1", "d\0", "é", " e"]
    token = issuer.token(sub="al%ice", groups=groups, org={"tenant": "t,1"}, tags=["a", "b\n"])
    assert get(place, "/known/claims", bearer(token)).status == 200
    seen = place.origin.last("/known/claims").fields
    assert seen.get("x-evil") is None
    assert seen.get("x-forwarded-user") == "al%25ice"
    assert set(seen.get("x-forwarded-groups").split(",")) == {
        "CN=a%2COU=b", "c%0D%0AX-Evil: 1", "d%00", "%C3%A9", "%20e"
    }  # fmt: skip
    assert get(place, "/claims/x", bearer(token)).status == 200
    seen = place.origin.last("/claims/x").fields
    assert seen.get("x-tenant") == "t%2C1" and set(seen.get("x-tags").split(",")) == {"a", "b%0A"}


def test_the_credential_is_forwarded_only_where_it_should_be(place, issuer):
    token = issuer.token()
    assert get(place, "/keeps/x", bearer(token)).status == 200
    assert place.origin.last("/keeps/x").fields.get("authorization") == f"Bearer {token}"


@pytest.mark.parametrize("target", ["/open/../known/x", "/open/%2e%2e/known/x", "//known/x", "/known/./x", "/%6bnown/x"])
def test_other_spellings_of_a_path_are_the_same_path(place, target):
    assert get(place, target).status in (400, 401), target


@pytest.mark.parametrize("name", ["X-Forwarded-Uri", "X-Original-URL", "X-Rewrite-URL", "X-Envoy-Original-Path"])
def test_a_path_in_a_header_is_no_path(place, name):
    assert get(place, "/known/x", f"{name}: /open/x").status == 401
    assert get(place, "/known/x", "User-Agent: GoogleHC/1.0").status == 401


def test_keys_that_are_gone_take_their_tokens_along(place, issuer, postern_with, make_origin, tmp_path):
    own = Issuer(tmp_path, "own")
    origin = make_origin()
    here = postern_with(settings(origin, own))
    old = own.token()
    assert get(here, "/known/x", bearer(old)).status == 200
    own.keys.append(Key("ES256", "k2"))
    own.write()
    here.reload()
    assert get(here, "/known/x", bearer(old)).status == 200
    assert get(here, "/known/x", bearer(own.token(key=own.keys[1]))).status == 200
    del own.keys[0]
    own.write()  # noticed within a second, without a reload
    deadline = time.monotonic() + 5 * PATIENCE
    while get(here, "/known/x", bearer(old)).status == 200:  # T82: though it is remembered
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert get(here, "/known/x", bearer(old)).status == 401
    assert get(here, "/known/x", bearer(own.token())).status == 200


def test_a_flood_of_bad_signatures_is_bounded(place, issuer, postern_with, make_origin):
    here = postern_with(settings(make_origin(), issuer, credentials={"failures_per_second": 5}))
    start, signature = issuer.token().rsplit(".", 1)
    statuses = []
    with here.client() as client:
        for number in range(100):
            token = f"{start}.{number:06d}{signature[6:]}"
            statuses.append(client.get("/known/x", headers=f"{bearer(token)}\r\n").status)
        assert statuses.count(429) >= 20 and statuses.count(401) >= 5
        good = issuer.token(sub="in-between")
        assert client.get("/known/x", headers=f"{bearer(good)}\r\n").status in (200, 429)
    time.sleep(1.1)
    assert get(here, "/known/x", bearer(good)).status == 200


def test_tokens_leave_no_trace_in_the_logs(place, issuer):
    token = issuer.token(sub="quiet")
    assert get(place, "/known/quiet", bearer(token)).status == 200
    logs = place.stderr() + place.stdout()
    for part in token.split("."):
        assert part not in logs


@pytest.mark.parametrize("what", [("--subject", "revoked"), ("--session", "s1"), ("--token", "j1"), ("--client", "c1"), ("--all",)])
def test_what_is_revoked_is_refused_on_every_core(issuer, postern_with, make_origin, what):
    from harness.postern import run_cli

    here = postern_with({**settings(make_origin(), issuer), "workers": 2})
    token = issuer.token(sub="revoked", sid="s1", jti="j1", client_id="c1", iat=int(time.time()) - 5)
    other = issuer.token(sub="other", sid="s2", jti="j2", client_id="c2", iat=int(time.time()) + 2)
    clients = [here.client() for _ in range(8)]  # on both cores
    assert {client.get("/known/x", headers=f"{bearer(token)}\r\n").status for client in clients} == {200}
    done = run_cli("revoke", "--admin", here.settings["admin"]["listen"], "--issuer", issuer.name, *what)
    assert done.returncode == 0, done.stderr
    deadline = time.monotonic() + PATIENCE  # T84: within a second
    while {client.get("/known/x", headers=f"{bearer(token)}\r\n").status for client in clients} != {401}:
        assert time.monotonic() < deadline
    if what != ("--all",):
        assert {client.get("/known/x", headers=f"{bearer(other)}\r\n").status for client in clients} == {200}
    for client in clients:
        client.close()


def test_revoking_needs_to_say_what(place):
    from harness.postern import run_cli

    admin = place.settings["admin"]["listen"]
    assert run_cli("revoke", "--admin", admin, "--issuer", "nobody", "--all").returncode == 1
    assert run_cli("revoke", "--admin", admin, "--issuer", "corp").returncode != 0


def test_revocations_outlive_the_process_and_reach_its_neighbours(issuer, postern_with, make_origin, tmp_path):
    from harness.postern import run_cli

    kept = tmp_path / "revoked.jsonl"
    origin = make_origin()

    def start():
        return postern_with(settings(origin, issuer, credentials={"revocations_file": str(kept)}))

    first, neighbour = start(), start()
    token = issuer.token(sub="revoked", iat=int(time.time()) - 5)
    assert get(neighbour, "/known/x", bearer(token)).status == 200  # in its cache from now on
    done = run_cli("revoke", "--admin", first.settings["admin"]["listen"], "--issuer", issuer.name, "--subject", "revoked")
    assert done.returncode == 0, done.stderr
    deadline = time.monotonic() + PATIENCE
    while get(neighbour, "/known/x", bearer(token)).status != 401:
        assert time.monotonic() < deadline
    first.stop()
    assert get(start(), "/known/x", bearer(token)).status == 401

    text = kept.read_text()
    kept.write_text(text + "{torn")
    done = run_cli("revoke", "--admin", neighbour.settings["admin"]["listen"], "--issuer", issuer.name, "--subject", "other")
    assert done.returncode == 1 and "line 2" in done.stderr
    assert get(neighbour, "/known/x", bearer(issuer.token(sub="other", iat=int(time.time()) - 5))).status == 401
    assert kept.read_text() == text + "{torn"
