"""The shared postern of the HTTP/2 tests: listeners for every way to speak it, one recording HTTP/1 origin behind."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from harness.certs import client_context
from harness.client import Closed, RawClient
from harness.h2_client import H2Client
from harness.origin import Origin
from harness.postern import Postern


def routes(forward: str = "origin") -> list[dict]:
    to = {"forward": forward}
    return [
        {"name": "sentinel", "path": "/sentinel", "reply": {"status": 200, "body": "sentinel"}},
        {"name": "local", "path": "/local", "reply": {"status": 200, "body": "local"}},
        {"name": "big", "path": "/big", "reply": {"status": 200, "body": "x" * 60_000}},
        {"name": "catalogue", "path": "/c/*", **to},
        {"name": "bad", "path": "/bad/*", **to},
        {
            "name": "scripted",
            "path": "/s/*",
            "request_trailers": ["x-checksum"],
            "response_trailers": ["x-checksum"],
            **to,
        },
        {"name": "limited", "path": "/limited/*", "max_body": "1KiB", **to},
        {"name": "patient", "path": "/patient/*", "response_timeout": "400ms", "idle_timeout": "400ms", **to},
        {"name": "finish", "path": "/finish/*", "on_disconnect": "finish", **to},
        {"name": "buffered", "path": "/buffered/*", "buffer_request": True, **to},
    ]


class H2Site:
    """Started anew when a test has killed it, so that one crash is one failure."""

    def __init__(self, folder: Path, authority):
        self.folder, self.starts = folder, 0
        self.origin = Origin("o1")
        tls = {"certificate": [authority.issue("a.test").table()]}
        short = {"header_timeout": "500ms", "body_timeout": "500ms", "keepalive_timeout": "500ms", "write_timeout": "1s"}
        self.settings = {
            "listener": [
                {"name": "h2c", "h2c": True},
                {"name": "h2c-only", "h2c": True, "h2_only": True},
                {"name": "tls", "tls": {**tls, "alpn": ["h2", "http/1.1"]}},
                {"name": "tls-h1", "tls": {**tls, "alpn": ["http/1.1"]}},
                {"name": "tls-h2", "tls": {**tls, "alpn": ["h2"]}},
                {"name": "plain"},
                {"name": "quick", "h2c": True, **short},
                {"name": "loose", "h2c": True, "underscores": "drop", "slashes": "keep"},
                {"name": "trusting", "h2c": True, "trusted_proxies": ["127.0.0.0/8"]},
                {"name": "few", "h2c": True, "h2_max_streams": 4},
                {"name": "narrow", "h2c": True, "h2_stream_window": "64KiB", "h2_connection_window": "256KiB"},
            ],
            "upstream": [{"name": "origin", "endpoints": [self.origin.endpoint]}],
            "route": routes(),
        }
        self.context = client_context(authority, alpn=["h2"])
        self.start()

    def start(self) -> None:
        self.starts += 1
        for attempt in range(20):
            try:
                self.postern = Postern(self.folder / f"start{self.starts}-{attempt}", self.settings)
                break
            except AssertionError:  # the kernel may still be taking down what a killed process left (io_uring)
                if attempt == 19:
                    raise
                time.sleep(0.1)
        self.settings = self.postern.settings

    def h2(self, listener: str = "h2c", **options) -> H2Client:
        if listener.startswith("tls"):
            options.setdefault("tls", self.context)
        return H2Client(self.postern.address(listener), **options)

    def h1(self, listener: str = "h2c", **options) -> RawClient:
        return RawClient(self.postern.address(listener), **options)

    def settle(self) -> None:
        """Returns when the origin has seen everything that postern sent it before."""
        with self.h1("plain") as client:
            assert client.get("/c/settle").status == 200

    def check_alive(self) -> None:
        try:
            with self.h1("plain") as client:
                assert client.get("/sentinel").status == 200
            code = self.postern.process.poll()
        except (OSError, Closed):
            code = self.postern.wait_exit(2)
        if code is not None:
            log = self.postern.stderr()[-8000:]
            self.start()
            pytest.fail(f"postern died in this test (exit code {code}):\n{log}")

    def stop(self) -> None:
        self.postern.stop()
        self.origin.close()
        assert not self.origin.violations, f"postern sent the origin what is no HTTP: {self.origin.violations[:10]}"


@pytest.fixture(scope="session")
def shared_h2_site(tmp_path_factory, authority):
    one = H2Site(tmp_path_factory.mktemp("h2site"), authority)
    yield one
    one.stop()


@pytest.fixture
def h2_site(shared_h2_site):
    yield shared_h2_site
    shared_h2_site.check_alive()
