"""Against a real provider, oidc-provider of npm: found by discovery, believed by its keys, followed when they change; and
asked about tokens that say nothing themselves."""

from __future__ import annotations

import time

import pytest

from harness.client import PATIENCE
from harness.oidc import OidcProvider

pytestmark = pytest.mark.timeout(120)

MODELS, OTHER, OPAQUE = "https://models.test", "https://other.test", "https://opaque.test"


def settings(origin, provider: OidcProvider, **more) -> dict:
    access = {"policy": "batch", "scopes": ["predict"], "headers": "oauth2-proxy"}
    return {
        "listener": [{"name": "main"}],
        "upstream": [{"name": "origin", "endpoints": [origin.endpoint]}],
        "route": [{"name": "all", "path": "/*", "forward": "origin", "access": access}],
        "issuer": [{"name": "op", "url": provider.url, "audiences": [MODELS], "allow_http": True, "allow_private": True,
                    **more}],
        "policy": [{"name": "batch", "allow": ['client_id == "batch" and issuer == "op"']}],
    }  # fmt: skip


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


def test_it_is_asked_about_opaque_tokens(postern_with, make_origin, tmp_path):
    provider = OidcProvider(tmp_path)
    (tmp_path / "secret").write_text("secret-of-postern\n")
    origin = make_origin()
    here = postern_with(
        settings(
            origin,
            provider,
            audiences=[OPAQUE],
            introspection_url=provider.url + "/token/introspection",
            introspection_client_id="postern",
            introspection_secret_file=str(tmp_path / "secret"),
            introspection_ttl="1s",
            subject_claim="client_id",  # of a machine there is no more to say
        )
    )
    token, kept = provider.token(OPAQUE), provider.token(OPAQUE)
    assert "." not in token
    for one in (token, kept, kept):
        assert status(here, one) == 200
    assert origin.last("/x").fields.get("x-forwarded-user") == "batch"
    assert status(here, "x" + token[1:] if token[0] != "x" else "y" + token[1:]) == 401
    assert status(here, provider.token(MODELS)) == 401  # a signed one, for somebody else

    provider.call("/token/revocation", token=token)
    deadline = time.monotonic() + 5 * PATIENCE
    while (code := status(here, token)) == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert code == 401
    assert status(here, kept) == 200
    fresh = provider.token(OPAQUE)
    provider.close()
    assert status(here, fresh) == 503  # nobody can tell
