"""Fixtures: one shared postern for everything that the common config allows (`site`), fresh ones by `postern_with`."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

import pytest

from harness import leaks
from harness.certs import Authority
from harness.client import Closed
from harness.flight import Pilot
from harness.h2_site import h2_site, shared_h2_site  # noqa: F401 (fixtures)
from harness.origin import Origin
from harness.postern import BINARY, Postern


def pytest_configure(config):
    """Hundreds of connections at once, with both ends in this process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536) if hard > 0 else 65536, hard))


def pytest_collection_modifyitems(config, items):
    if os.path.exists(BINARY):
        return
    for item in items:
        if "harness" not in item.nodeid:
            item.add_marker(pytest.mark.skip(reason=f"no binary at {BINARY}"))


def pytest_report_header(config):
    return f"postern: {BINARY}, engine {os.environ.get('POSTERN_ENGINE', 'as configured')}"


def assert_no_secrets() -> None:
    found = leaks.find()
    assert not found, "secrets in logs:\n" + "\n".join(found)


@pytest.fixture(scope="session", autouse=True)
def no_secret_at_the_end():
    """Set up before all others, so that the last words of what they have started are looked at too."""
    yield
    assert_no_secrets()


@pytest.fixture(autouse=True)
def no_secret_in_a_log(no_secret_at_the_end):
    leaks.begin_test()
    yield
    assert_no_secrets()


class Site:
    """A postern and the origin behind it; started anew when a test has killed it, so that one crash is one failure."""

    def __init__(self, folder: Path, origin: Origin):
        self.folder, self.origin, self.starts = folder, origin, 0
        self.settings = site_settings(origin)
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
        self.address, self.client = self.postern.address, self.postern.client
        self._settler = None

    def settle(self) -> None:
        """Returns when the origin has seen everything that postern sent it before."""
        try:
            if self._settler is None or self._settler.ended:
                self._settler = self.client("strict")
            answer = self._settler.get("/c/settle")
        except Closed:  # it idled for too long: other modules' tests came between
            self._settler = self.client("strict")
            answer = self._settler.get("/c/settle")
        assert answer.status == 200

    def check_alive(self) -> None:
        """Asks for an answer, which comes behind everything the test has caused; fails the test when there is none."""
        try:
            with self.client("strict") as client:
                assert client.get("/sentinel").status == 200
            code = self.postern.process.poll()
        except (OSError, Closed):
            code = self.postern.wait_exit(2)
        if code is not None:
            log = self.postern.stderr()[-8000:]
            self.start()
            pytest.fail(f"postern died in this test (exit code {code}):\n{log}")


def site_settings(origin: Origin) -> dict:
    forward = {"forward": "origin"}
    return {
        "listener": [
            {"name": "strict"},
            {"name": "loose", "underscores": "drop", "slashes": "keep", "encoded_slash": "keep", "path_parameters": "keep"},
            {"name": "trusting", "trusted_proxies": ["127.0.0.0/8"]},
            {"name": "proxied", "proxy_protocol_from": ["127.0.0.1/32"]},
            {"name": "proxied-elsewhere", "proxy_protocol_from": ["192.0.2.0/24"]},
            {
                "name": "quick",
                "header_timeout": "500ms",
                "body_timeout": "500ms",
                "keepalive_timeout": "500ms",
                "write_timeout": "1s",
            },
        ],
        "upstream": [{"name": "origin", "endpoints": [origin.endpoint]}],
        "route": [
            {"name": "sentinel", "path": "/sentinel", "reply": {"status": 200, "body": "sentinel"}},
            {"name": "local", "path": "/local", "reply": {"status": 200, "body": "local"}},
            {"name": "private", "path": "/private/*", "reply": {"status": 200, "body": "private"}},
            {"name": "catalogue", "path": "/c/*", **forward},
            {"name": "bad", "path": "/bad/*", **forward},
            {
                "name": "scripted",
                "path": "/s/*",
                "request_trailers": ["x-checksum"],
                "response_trailers": ["x-checksum"],
                **forward,
            },
            {"name": "limited", "path": "/limited/*", "max_body": "1KiB", **forward},
            {"name": "patient", "path": "/patient/*", "response_timeout": "400ms", "idle_timeout": "400ms", **forward},
            {"name": "abort", "path": "/abort/*", "on_client_fin": "abort", **forward},
        ],
    }


@pytest.fixture(scope="session")
def origin():
    one = Origin("o1")
    yield one
    one.close()
    assert not one.violations, f"postern sent the origin what is no HTTP: {one.violations[:10]}"


@pytest.fixture(scope="session")
def shared_site(tmp_path_factory, origin):
    one = Site(tmp_path_factory.mktemp("site"), origin)
    yield one
    one.postern.stop()


@pytest.fixture
def site(shared_site):
    yield shared_site
    shared_site.check_alive()


@pytest.fixture
def pilot(site):
    return Pilot(site)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """A certificate authority of the session; see harness.certs."""
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def postern_with(tmp_path: Path):
    """Starts posterns for one test and stops them behind it: `postern_with(settings, route=...)`."""
    running: list[Postern] = []

    def start(
        settings: dict | None = None,
        wait: bool = True,
        wrapper: list[str] | None = None,
        env: dict | None = None,
        **tables,
    ) -> Postern:
        one = Postern(tmp_path / f"postern{len(running)}", {**(settings or {}), **tables}, wait, wrapper, env)
        running.append(one)
        return one

    yield start
    for one in running:
        one.stop()


@pytest.fixture
def make_origin():
    """Origins for one test; what postern sends them must be valid."""
    running: list[Origin] = []

    def make(name: str = "o1", **options) -> Origin:
        one = Origin(name, **options)
        running.append(one)
        return one

    yield make
    for one in running:
        one.close()
    for one in running:
        assert not one.violations, f"postern sent origin {one.name} what is no HTTP: {one.violations[:10]}"
