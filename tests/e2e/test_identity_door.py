"""What opens no door: other spellings of paths and hosts, headers that other proxies believe, methods and programs that
other proxies let through; and that whatever carried a credential stays here. The published holes of others, row by row
(docs/identity-tests.md)."""

from __future__ import annotations

import base64
import json

import pytest

from harness.tokens import Issuer

pytestmark = pytest.mark.timeout(60)

ROUTES = {
    "everything": {"path": "/*", "access": {"auth": "none"}},
    "known": {"path": "/known/*", "access": {"policy": "authenticated"}},
    "leaf": {"path": "/files/{name}", "access": {"auth": "none"}},
    "files": {"path": "/files/*", "access": {"policy": "authenticated"}},
    "inside": {"path": "/inside/*", "access": {"auth": "none", "policy": "inside"}},
    "not-secret": {"path": "/hosts/*", "access": {"auth": "none", "policy": "not-secret"}},
}
CREDENTIALS = {"basic": True, "sagemaker_attributes": True, "token_header": "X-Token"}


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    return Issuer(tmp_path_factory.mktemp("issuer"))


@pytest.fixture(scope="module")
def place(tmp_path_factory, issuer):
    from harness.origin import Origin
    from harness.postern import Postern

    origin = Origin("o1")
    settings = {
        "listener": [{"name": "main"}],
        "upstream": [{"name": "origin", "endpoints": [origin.endpoint]}],
        "route": [{"name": name, "forward": "origin", **route} for name, route in ROUTES.items()],
        "issuer": [issuer.table()],
        "credentials": CREDENTIALS,
        "policy": [
            {"name": "inside", "allow": ['host == "inside.test"', 'client in ["203.0.113.0/24"]']},
            {"name": "not-secret", "allow": ["true"], "deny": ['host == "secret.test"']},
        ],
    }
    postern = Postern(tmp_path_factory.mktemp("postern"), settings)
    postern.origin = origin
    yield postern
    postern.stop()
    origin.close()


def ask(place, target: str, *headers: str, method: str = "GET", **more):
    with place.client() as client:
        return client.get(target, headers="".join(f"{one}\r\n" for one in headers), method=method, **more)


def arrived(place) -> int:
    return len(place.origin.requests)


SHUT = [
    "/known/x",
    "/open/../known/x",
    "/open/%2e%2e/known/x",
    "/./known/x",
    "/known/./x",
    "/known//x",
    "//known/x",  # T09: no authority
    "///known/x",
    "/%6bnown/x",
    "/known%2fx",
    "/open/..%2fknown/x",
    "/open/..%5cknown/x",
    "/open/..;/known/x",
    "/known;x=y/a",  # T10: "/known/a" to some
    "/known%3bx/a",
    "/open;/../known/x",
    "/known/x#/open",  # T05
    "/open#/../known/x",
    "/known/x?path=/open/x",  # T04
    "/open/%ff",  # T12, T14: of no meaning that is certain
    "/open/%zz",
    "/open/%00",
    "/open/%",
    "/files/a/b",  # T13: a variable is one segment
    "/files/*/b",
    "known/x",
    "http:/known/x",
]


@pytest.mark.parametrize("target", SHUT)
def test_no_spelling_of_a_path_opens_it(place, target):
    """There is an open route for everything else, so that a reading of its own would be let through."""
    before = arrived(place)
    assert ask(place, target).status in (400, 401), target
    assert arrived(place) == before  # T41: nothing of it went anywhere


@pytest.mark.parametrize("target", ["/private%23/public", "/a*b", "/files/*", "/open/..a", "/known%252fx"])
def test_what_is_odd_but_clear_is_taken_as_it_stands(place, target):
    assert ask(place, target).status == 200
    assert place.origin.last(target)


@pytest.mark.parametrize(
    "headers",
    [
        ("X-Forwarded-Uri: /open/x", "X-Original-URL: /open/x", "X-Rewrite-URL: /open/x"),  # T06
        ("X-Envoy-Original-Path: /open/x", "X-Original-Method: OPTIONS", "X-HTTP-Method-Override: OPTIONS"),
        ("User-Agent: GoogleHC/1.0",),  # T07
        ("User-Agent: kube-probe/1.30",),
        ("User-Agent: ELB-HealthChecker/2.0",),
        ("X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "Forwarded: for=127.0.0.1"),
        ("X-Forwarded-User: root", "Remote-User: root", "X-Forwarded-Client-Cert: Subject=root"),
        ("Authorization: Negotiate abc",),  # T34: of no scheme of ours
        ("Authorization: eyJhbGciOiJub25lIn0.e30.",),
        ("Cookie: Authorization=Bearer; ;;;=;a", "Cookie: session=x"),  # T37
        ("X-Amzn-SageMaker-Custom-Attributes: tenant=7",),
    ],
)
def test_no_header_opens_a_door(place, headers):
    before = arrived(place)
    assert ask(place, "/known/x", *headers).status == 401
    assert arrived(place) == before


def test_a_preflight_is_a_request(place):
    """T16: nothing is let through because of its method."""
    cors = ("Origin: https://app.test", "Access-Control-Request-Method: POST")
    before = arrived(place)
    for method in ("OPTIONS", "HEAD", "options", "PROPFIND"):
        assert ask(place, "/known/x", *cors, method=method).status == 401, method
    assert ask(place, "*", method="OPTIONS").status < 500  # T15
    assert ask(place, "/known/x", method="CONNECT").status in (400, 405)
    assert arrived(place) == before


def test_a_token_in_the_query_is_none(place, issuer):
    before = arrived(place)
    for name in ("access_token", "token", "authorization"):
        assert ask(place, f"/known/x?{name}={issuer.token()}").status == 401, name
    assert arrived(place) == before


def test_what_strangers_forward_decides_nothing(place):
    """T26: host and address are those of the connection."""
    claimed = [
        "X-Forwarded-Host: inside.test",
        "X-Forwarded-For: 203.0.113.9",
        "X-Real-IP: 203.0.113.9",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Port: 443",
        "X-Forwarded-Prefix: /inside",
        "X-Forwarded-Server: inside.test",
        "Forwarded: for=203.0.113.9;host=inside.test;proto=https",
    ]
    assert ask(place, "/inside/x", *claimed).status == 403
    for one in claimed:
        assert ask(place, "/inside/x", one).status == 403, one
    assert ask(place, "/inside/x", host="inside.test").status == 200


@pytest.mark.parametrize("host, statuses", [
    ("secret.test", {403}), ("SECRET.test", {403}), ("Secret.Test:8080", {403}),  # T11
    ("secret.test.", {400}), ("secret.test..", {400}), ("secret.test,a", {400}), ("other.test", {200}),
])  # fmt: skip
def test_other_spellings_of_a_host(place, host, statuses):
    assert ask(place, "/hosts/x", host=host).status in statuses


CARRIERS = {
    "bearer": "Authorization: Bearer {}",
    "bearer in capitals": "AUTHORIZATION: BEARER {}",
    "spaces around": "Authorization:   Bearer {}  \t",
    "basic": "Authorization: Basic {basic}",
    "basic, small": "authorization: basic {basic}",
    "header": "X-Token: {}",
    "header, small": "x-token:{}",
    "header as bearer": "X-Token: Bearer {}",
    "sagemaker": "X-Amzn-SageMaker-Custom-Attributes: Bearer {}",
}


@pytest.mark.parametrize("carrier", CARRIERS)
def test_whatever_carries_a_credential_stays_here(place, issuer, carrier):
    """T27"""
    token = issuer.token(sub=carrier.replace(" ", "-").replace(",", ""))
    basic = base64.b64encode(f"user:{token}".encode()).decode()
    for number in range(2):  # verified, then recalled
        target = f"/known/carried-{list(CARRIERS).index(carrier)}-{number}"
        answer = ask(place, target, CARRIERS[carrier].format(token, basic=basic), "X-Other: stays")
        assert answer.status == 200, carrier
        head = place.origin.last(target).head
        assert token.encode() not in head and basic.encode() not in head and b"earer" not in head, head
        assert b"X-Other: stays" in head or b"x-other: stays" in head
    once_more = ask(place, "/known/x", CARRIERS[carrier].format(token, basic=basic), f"authorization: Bearer {token}")
    assert once_more.status == 400  # T23


def test_answers_of_ours_are_not_kept_by_anybody(place):
    answer = ask(place, "/known/x")
    assert answer.fields["cache-control"] == "no-store"
    assert json.loads(answer.body)["status"] == 401
