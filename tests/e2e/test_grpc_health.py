"""Active checks of endpoints by grpc.health.v1, with real gRPC servers: who gets calls, and what is said about it."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("grpc", reason="grpcio is not installed")

from harness.client import PATIENCE
from harness.grpc_peer import Client, Server
from harness.postern import free_port, run_cli

SERVING, NOT_SERVING = 1, 2
CHECK = {"kind": "grpc", "interval": "100ms", "timeout": "500ms"}
UNHEALTHY = "postern_upstream_endpoints_unhealthy"
CHECKS = "postern_upstream_health_checks_total"
PANICS = "postern_upstream_panic_picks_total"


@pytest.fixture
def make_server():
    made: list[Server] = []

    def make(**options) -> Server:
        made.append(Server(free_port(), **options))
        return made[-1]

    yield make
    for one in made:
        if one.process.poll() is None:
            one.close()


def over(*servers: Server, upstream: dict | None = None, **health) -> dict:
    """One worker, so that turns can be counted."""
    return {
        "listener": [{"name": "main", "h2c": True}],
        "upstream": [
            {
                "name": "models",
                "protocol": "h2",
                "endpoints": [server.endpoint for server in servers],
                "health": {**CHECK, **health},
                "balance": {"kind": "round_robin"},
                **(upstream or {}),
            }
        ],
        "route": [{"name": "all", "path": "/test.Echo/*", "forward": "models"}],
    }


def names(postern, calls: int = 8) -> set[int]:
    """The ports of the servers that answer."""
    client = Client(postern.address())
    try:
        return {int(client.name(b"", timeout=10)) for _ in range(calls)}
    finally:
        client.close()


def wait_unhealthy(postern, count: int, timeout: float = 10) -> None:
    deadline = time.monotonic() + timeout * PATIENCE
    while postern.total(UNHEALTHY) != count or postern.total(CHECKS) == 0:
        assert time.monotonic() < deadline, f"not {count} unhealthy:\n{postern.stderr()[-4000:]}"
        time.sleep(0.02)


def test_not_serving_and_back(postern_with, make_server):
    first, second = make_server(health=True), make_server(health=True)
    postern = postern_with(over(first, second))
    postern.wait_total(CHECKS, 4, result="serving")
    assert names(postern) == {first.port, second.port}
    first.set_health(NOT_SERVING)
    wait_unhealthy(postern, 1)
    assert postern.total(CHECKS, result="not_serving") >= 3
    assert names(postern) == {second.port}
    log = postern.wait_log("endpoint is unhealthy")
    assert first.endpoint in log and "NOT_SERVING" in log and second.endpoint not in log
    first.set_health(SERVING)
    wait_unhealthy(postern, 0)
    assert names(postern) == {first.port, second.port}
    postern.wait_log("endpoint is healthy again")
    checks = postern.total(CHECKS)
    postern.wait_total(CHECKS, checks + 6)
    assert postern.stderr().count("healthy") == 2  # transitions, and nothing between them


def test_a_killed_server_is_out(postern_with, make_server):
    first, second = make_server(health=True), make_server(health=True)
    postern = postern_with(over(first, second))
    postern.wait_total(CHECKS, 4, result="serving")
    first.kill()
    wait_unhealthy(postern, 1)
    assert postern.total(CHECKS, result="unreachable") >= 2
    retries = postern.total("postern_upstream_retries_total")
    assert names(postern) == {second.port}
    assert postern.total("postern_upstream_retries_total") == retries  # nobody tries the dead one


def test_a_server_that_hangs_is_out(postern_with, make_server):
    first, second = make_server(health=True), make_server(health=True)
    postern = postern_with(over(first, second, timeout="100ms"))
    postern.wait_total(CHECKS, 4, result="serving")
    first.process.send_signal(19)  # SIGSTOP: the kernel still takes connections for it
    try:
        wait_unhealthy(postern, 1)
        assert postern.total(CHECKS, result="timeout") >= 3
        assert names(postern) == {second.port}
    finally:
        first.process.send_signal(18)
    wait_unhealthy(postern, 0)


def test_a_server_without_health_service(postern_with, make_server):
    first, second = make_server(), make_server(health=True)
    postern = postern_with(over(first, second))
    wait_unhealthy(postern, 1)
    assert postern.total(CHECKS, result="unimplemented") >= 3
    assert "no service grpc.health.v1.Health (UNIMPLEMENTED)" in postern.wait_log("endpoint is unhealthy")
    assert names(postern) == {second.port}


def test_the_named_service_counts(postern_with, make_server):
    first, second = make_server(health=True), make_server(health=True)
    second.set_health(SERVING, "iris")
    postern = postern_with(over(first, second, service="iris"))
    wait_unhealthy(postern, 1)
    assert postern.total(CHECKS, result="unknown_service") >= 3
    assert names(postern) == {second.port}
    first.set_health(SERVING, "iris")
    wait_unhealthy(postern, 0)


def test_all_are_used_when_none_is_healthy(postern_with, make_server):
    first, second = make_server(health=True), make_server(health=True)
    for server in (first, second):
        server.set_health(NOT_SERVING)
    postern = postern_with(over(first, second))
    wait_unhealthy(postern, 2)
    assert names(postern) == {first.port, second.port}
    assert postern.total(PANICS) == 8
    postern.wait_log("no endpoint is healthy, all of them are used")


@pytest.mark.parametrize("protocol", ["h2", "auto"])
def test_over_tls(postern_with, make_server, authority, protocol):
    pair = authority.issue("a.test")
    first, second = make_server(pair=pair, health=True), make_server(pair=pair, health=True)
    tls = {"ca": str(authority.cert), "sni": "a.test"}
    postern = postern_with(over(first, second, upstream={"tls": tls, "protocol": protocol}))
    postern.wait_total(CHECKS, 4, result="serving")
    second.set_health(NOT_SERVING)
    wait_unhealthy(postern, 1)
    assert names(postern) == {first.port}


def test_reloads_and_streams(postern_with, make_server):
    """What is known of endpoints outlives reloads, also with other checks; without checks all are used."""
    first, second = make_server(health=True), make_server(health=True)
    first.set_health(NOT_SERVING)
    postern = postern_with({**over(first, second), "workers": 2})
    wait_unhealthy(postern, 1)  # found out once, for all workers
    assert postern.stderr().count("endpoint is unhealthy") == 1
    client = Client(postern.address())
    stream = client.hang(b"", timeout=30)
    assert next(stream) == b"first"  # pins the generation
    before = postern.total(CHECKS, result="not_serving")
    log = postern.reload()
    assert postern.total(UNHEALTHY) == 1 and "healthy" not in log
    postern.wait_total(CHECKS, before + 4, result="not_serving")
    upstream = postern.settings["upstream"][0]
    upstream["health"]["interval"] = "150ms"
    log = postern.reload(postern.settings)
    wait_unhealthy(postern, 1)
    assert "healthy" not in log
    del upstream["health"]
    postern.reload(postern.settings)
    time.sleep(0.6)  # checks under way have ended
    checks = postern.total(CHECKS)
    assert postern.total(UNHEALTHY) == 0
    assert names(postern) == {first.port, second.port}
    assert postern.total(CHECKS) == checks
    stream.cancel()
    client.close()


def test_stops_while_it_checks(postern_with, make_server):
    """Endpoints that accept and never answer, or are not there, do not hold up the end."""
    first, second = make_server(health=True), make_server(health=True)
    postern = postern_with(over(first, second, timeout="10s"))
    postern.wait_total(CHECKS, 2, result="serving")
    first.process.send_signal(19)
    second.kill()
    time.sleep(0.4)
    began = time.monotonic()
    postern.stop()
    assert time.monotonic() - began < 2 * PATIENCE
    first.process.send_signal(18)


def test_needs_http2(tmp_path):
    config = tmp_path / "postern.toml"
    config.write_text(
        '[[listener]]\nname = "a"\naddress = "127.0.0.1:1"\n'
        '[[upstream]]\nname = "u"\nendpoints = ["127.0.0.1:2"]\n[upstream.health]\nkind = "grpc"\n'
    )
    refused = run_cli("check", "--config", str(config))
    assert refused.returncode != 0
    assert "upstream[0].health.kind: gRPC needs HTTP/2" in refused.stdout + refused.stderr
