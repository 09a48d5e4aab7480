"""Against a real provider, oidc-provider of npm: found by discovery, believed by its keys, followed when they change."""

from __future__ import annotations

import pytest

from harness.oidc import OidcProvider

pytestmark = pytest.mark.timeout(120)

MODELS, OTHER = "https://models.test", "https://other.test"


def settings(origin, provider: OidcProvider) -> dict:
    access = {"policy": "batch", "scopes": ["predict"], "headers": "oauth2-proxy"}
    return {
        "listener": [{"name": "main"}],
        "upstream": [{"name": "origin", "endpoints": [origin.endpoint]}],
        "route": [{"name": "all", "path": "/*", "forward": "origin", "access": access}],
        "issuer": [{"name": "op", "url": provider.url, "audiences": [MODELS], "allow_http": True, "allow_private": True}],
        "policy": [{"name": "batch", "allow": ['client_id == "batch" and issuer == "op"']}],
    }


@pytest.fixture(params=["RS256", "PS256", "ES256", "EdDSA"])
def provider(tmp_path, request):
    one = OidcProvider(tmp_path, request.param)
    yield one
    one.close()


def status(postern, token: str) -> int:
    with postern.client() as client:
        return client.get("/x", headers=f"Authorization: Bearer {token}\r\n").status


def test_its_tokens_are_good_for_whom_they_are_meant(postern_with, make_origin, provider):
    origin = make_origin()
    here = postern_with(settings(origin, provider))
    token = provider.token(MODELS)
    for _ in range(2):
        assert status(here, token) == 200
    seen = origin.last("/x").fields
    assert seen.get("x-forwarded-user") == "batch" and seen.get("authorization") is None
    assert status(here, provider.token(OTHER)) == 401  # for somebody else
    assert status(here, provider.token(MODELS, scope="")) == 403  # no scope
    assert status(here, token[:-8] + ("AAAAAAAA" if token[-8:] != "AAAAAAAA" else "BBBBBBBB")) == 401

    provider.rotate()
    new = provider.token(MODELS)
    assert status(here, new) == 200  # looked for at once
    assert status(here, token) == 401  # its key is gone, remembered or not
    provider.stop()
    assert status(here, new) == 200 and status(here, token) == 401
