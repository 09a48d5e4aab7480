"""Health of endpoints: active checks of every kind, and passive ejection, with origins that really fail."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time

import pytest

from harness.client import PATIENCE
from harness.fleet import make_fleet
from harness.postern import free_port

UNHEALTHY = "postern_upstream_endpoints_unhealthy"
CHECKS = "postern_upstream_health_checks_total"
EJECTIONS = "postern_upstream_ejections_total"
EJECTED = "postern_upstream_endpoints_ejected"
OFF = {"enabled": False}
QUICK = {"interval": "100ms", "fast_interval": "50ms", "timeout": "200ms"}


@pytest.fixture
def fleet(tmp_path):
    made = []

    def make(size: int):
        made.extend(make_fleet(tmp_path, size))
        return made[-size:]

    yield make
    for one in made:
        one.close()


def over(endpoints, health: dict | None = None, ejection: dict | None = None, **upstream) -> dict:
    one = {"name": "models", "endpoints": [getattr(e, "endpoint", e) for e in endpoints], **upstream}
    if health is not None:
        one["health"] = {**QUICK, **health}
    one["ejection"] = OFF if ejection is None else ejection
    one["balance"] = {"kind": "round_robin"}  # so that everybody has his turn
    return {
        "listener": [{"name": "main"}],
        "upstream": [one],
        "route": [{"name": "all", "path": "/*", "forward": "models", "response_timeout": "1s"}],
    }


def wait_for(postern, condition, what: str, timeout: float = 10) -> None:
    deadline = time.monotonic() + timeout * PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not {what}:\n{postern.stderr()[-4000:]}"
        time.sleep(0.02)


def wait_unhealthy(postern, count: int) -> None:
    wait_for(postern, lambda: postern.total(CHECKS) and postern.total(UNHEALTHY) == count, f"{count} unhealthy")


def origins(postern, calls: int = 12) -> set[int]:
    """The ports of those that answer with 200."""
    ports = set()
    for _ in range(calls):
        with postern.client() as client:
            answer = client.get("/x")
            if answer.status == 200:
                ports.add(int(answer.fields["x-origin"]))
    return ports


def test_http_status_and_body(postern_with, fleet):
    first, second = fleet(2)
    health = {"kind": "http", "path": "/health", "expected_status": ["200", "204-206"], "expected_body": "ready"}
    postern = postern_with(over([first, second], health))
    postern.wait_total(CHECKS, 4, result="serving")
    assert origins(postern) == {first.port, second.port}
    first.mode("sick")
    wait_unhealthy(postern, 1)
    assert origins(postern) == {second.port}
    log = postern.wait_log("endpoint is unhealthy")
    assert first.endpoint in log and 'why="status 503"' in log
    assert postern.total(CHECKS, result="bad_status") >= 3
    first.mode("ok")
    wait_unhealthy(postern, 0)
    postern.wait_log("endpoint is healthy again")
    assert origins(postern) == {first.port, second.port}
    postern.settings["upstream"][0]["health"]["expected_body"] = "something else"
    postern.reload(postern.settings)
    wait_unhealthy(postern, 2)
    assert postern.total(CHECKS, result="bad_body") >= 6
    postern.wait_log("no endpoint is healthy")
    assert origins(postern) == {first.port, second.port}
    del postern.settings["upstream"][0]["health"]
    postern.reload(postern.settings)
    wait_for(postern, lambda: postern.total(UNHEALTHY) == 0, "all healthy")
    postern.wait_log("there are healthy endpoints again|no endpoint is healthy")


def test_killed_and_frozen_and_quickly_back(postern_with, fleet):
    """The usual interval is long: what fails is looked at again soon."""
    first, second = fleet(2)
    health = {"kind": "tcp", "interval": "1s", "fast_interval": "50ms"}
    postern = postern_with(over([first, second], health))
    postern.wait_total(CHECKS, 2, result="serving")
    second.kill()
    began = time.monotonic()
    wait_unhealthy(postern, 1)
    assert postern.total(CHECKS, result="unreachable") >= 3
    assert 'why="connection refused"' in postern.stderr()
    assert time.monotonic() - began < 1.8 * PATIENCE  # one long interval, two short ones
    assert origins(postern, 4) == {first.port}
    second.start()
    began = time.monotonic()
    wait_unhealthy(postern, 0)
    assert time.monotonic() - began < 0.8 * PATIENCE
    postern.settings["upstream"][0]["health"].update(kind="http", interval="100ms")
    postern.reload(postern.settings)
    checks = postern.total(CHECKS, result="serving")
    postern.wait_total(CHECKS, checks + 4, result="serving")
    first.freeze()  # the kernel still takes its connections
    wait_unhealthy(postern, 1)
    assert postern.total(CHECKS, result="timeout") >= 3
    assert "no answer in time" in postern.wait_log("no answer in time")
    assert origins(postern, 4) == {second.port}
    first.thaw()
    wait_unhealthy(postern, 0)


def test_tls_verifies(postern_with, authority):
    """A certificate for another name is no health; nor is a port without TLS."""

    def serve(pair):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.cert, pair.key)
        listener = socket.create_server(("127.0.0.1", 0))

        def run():
            while True:
                try:
                    sock, _ = listener.accept()
                    sock.settimeout(2)
                    context.wrap_socket(sock, server_side=True).close()
                except ssl.SSLError:
                    continue
                except OSError:
                    if listener.fileno() < 0:
                        return

        threading.Thread(target=run, daemon=True).start()
        return listener

    good, wrong = serve(authority.issue("a.test")), serve(authority.issue("b.test"))
    plain = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=lambda: [c[0].sendall(b"hello there\r\n") for c in accept(plain)], daemon=True).start()
    endpoints = [f"127.0.0.1:{one.getsockname()[1]}" for one in (good, wrong, plain)]
    tls = {"ca": str(authority.cert), "sni": "a.test"}
    postern = postern_with(over(endpoints, {"kind": "tls", "timeout": "1s"}, tls=tls))
    wait_unhealthy(postern, 2)
    assert postern.total(CHECKS, result="serving") >= 1
    assert postern.total(CHECKS, result="tls") >= 6
    log = postern.stderr()
    assert endpoints[0] not in log
    assert "TLS: " in log and "hostname mismatch" in log.lower()
    for one in (good, wrong, plain):
        one.close()


def accept(listener):
    while True:
        try:
            yield listener.accept()
        except OSError:
            return


def test_http_over_h2(postern_with, authority):
    """openssl is the judge of the handshake, h2 of the request."""
    h2 = pytest.importorskip("h2.connection")
    import h2.config
    import h2.events

    listener = socket.create_server(("127.0.0.1", 0))
    asked = []

    def serve(sock):
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        sock.sendall(connection.data_to_send())
        while data := sock.recv(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    asked.append(dict(event.headers))
                if isinstance(event, h2.events.StreamEnded):
                    connection.send_headers(event.stream_id, [(":status", "200")])
                    connection.send_data(event.stream_id, b"ready", end_stream=True)
            sock.sendall(connection.data_to_send())
        sock.close()

    def run():
        for sock, _ in accept(listener):
            threading.Thread(target=serve, args=(sock,), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()
    endpoint = f"127.0.0.1:{listener.getsockname()[1]}"
    health = {"kind": "http", "path": "/ping?x=1", "host": "models.test", "expected_body": "ready"}
    postern = postern_with(over([endpoint], health, protocol="h2"))
    postern.wait_total(CHECKS, 3, result="serving")
    assert postern.total(UNHEALTHY) == 0
    head = {str(k, "ascii") if isinstance(k, bytes) else k: v for k, v in asked[0].items()}
    head = {k: v.decode() if isinstance(v, bytes) else v for k, v in head.items()}
    assert head[":path"] == "/ping?x=1" and head[":authority"] == "models.test" and head[":method"] == "GET"
    listener.close()


def test_another_port(postern_with, fleet):
    """Checks go to a port of their own: here it belongs to somebody else, whose illness counts."""
    first, second = fleet(2)
    health = {"kind": "http", "path": "/health", "port": second.port}
    postern = postern_with(over([first], health))
    second.wait_count("/health", 3)
    assert first.count("/health") == 0
    second.mode("sick")
    wait_unhealthy(postern, 1)


@pytest.mark.concurrency
def test_one_check_for_all_workers(postern_with, fleet):
    """However many workers: an endpoint is asked once per interval, and all of them know."""
    members = fleet(3)
    health = {"kind": "http", "path": "/health", "interval": "100ms"}
    postern = postern_with({**over(members, health), "workers": 4})
    for one in members:
        one.wait_count("/health", 2)
    before, began = [one.count("/health") for one in members], time.monotonic()
    time.sleep(1)
    seconds = time.monotonic() - began
    for one, count in zip(members, before):
        asked = one.count("/health") - count
        assert asked <= 1 + seconds / 0.09, f"{asked} checks in {seconds:.2f} s"
        assert asked >= 4 / PATIENCE
    members[0].mode("sick")
    wait_unhealthy(postern, 1)
    assert origins(postern, 30) == {members[1].port, members[2].port}
    assert postern.stderr().count("endpoint is unhealthy") == 1
    # A reload keeps what is known, although nobody has asked anew.
    postern.reload()
    assert origins(postern, 12) == {members[1].port, members[2].port}
    postern.settings["upstream"][0]["endpoints"].pop(0)
    postern.reload(postern.settings)
    wait_unhealthy(postern, 0)
    time.sleep(0.1)
    gone = members[0].count("/health")
    time.sleep(0.5)
    assert members[0].count("/health") <= gone + 1


def test_a_check_that_hangs_does_not_hold_up_the_end(postern_with, fleet):
    """One that waits for an answer, and one that waits for its connection."""
    (first,) = fleet(1)
    full = socket.socket()  # a listener with a full backlog answers no SYN
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    waiting = []
    for _ in range(4):
        waiting.append(socket.socket())
        waiting[-1].setblocking(False)
        waiting[-1].connect_ex(full.getsockname())
    endpoints = [first.endpoint, f"127.0.0.1:{full.getsockname()[1]}"]
    postern = postern_with(over(endpoints, {"kind": "http", "timeout": "30s"}))
    postern.wait_total(CHECKS, 2, result="serving")
    first.freeze()
    time.sleep(0.4)
    began = time.monotonic()
    postern.stop()
    assert time.monotonic() - began < 1.5 * PATIENCE
    for one in (full, *waiting):
        one.close()


def test_nginx(postern_with, tmp_path):
    """A real server: its answers, and what it logs of our checks."""
    nginx = "/usr/sbin/nginx"
    if subprocess.run(["which", "nginx"], capture_output=True).returncode != 0:
        pytest.skip("nginx is not installed")
    port = free_port()
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {tmp_path}/pid; error_log {tmp_path}/error.log info;\n"
        "events {}\nhttp {"
        f" access_log {tmp_path}/access.log; client_body_temp_path {tmp_path}/b; proxy_temp_path {tmp_path}/p;"
        f" fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;"
        f' server {{ listen 127.0.0.1:{port}; location = /ping {{ return 200 "pong"; }} }} }}\n'
    )
    server = subprocess.Popen([nginx, "-c", str(tmp_path / "nginx.conf")], stderr=subprocess.DEVNULL)
    try:
        health = {"kind": "http", "path": "/ping", "expected_body": "pong", "method": "GET"}
        postern = postern_with(over([f"127.0.0.1:{port}"], health))
        postern.wait_total(CHECKS, 3, result="serving")
        postern.settings["upstream"][0]["health"]["path"] = "/missing"
        postern.reload(postern.settings)
        wait_unhealthy(postern, 1)
        assert 'why="status 404"' in postern.stderr()
    finally:
        server.terminate()
        server.wait()
    log = (tmp_path / "access.log").read_text()
    assert '"GET /ping HTTP/1.1" 200' in log and "postern-health" in log


def test_ejection_and_back(postern_with, fleet):
    """Requests that fail take an endpoint out, for all workers, without any check; time lets it back in."""
    first, second, third = fleet(3)
    ejection = {"consecutive_failures": 3, "base_time": "1s", "max_time": "4s"}
    postern = postern_with({**over([first, second, third], None, ejection), "workers": 2})
    assert origins(postern, 30) == {first.port, second.port, third.port}
    first.mode("error")
    wait_for(postern, lambda: origins(postern, 3) is not None and postern.total(EJECTIONS) == 1, "ejected")
    log = postern.wait_log("endpoint is ejected")
    assert first.endpoint in log and "3 failures in a row, the last: an error status" in log
    wait_for(postern, lambda: postern.total(EJECTED) == 1, "shown")
    before = first.count("/x")
    assert origins(postern, 12) == {second.port, third.port}
    assert first.count("/x") == before
    first.mode("ok")
    postern.wait_log("endpoint is back from ejection")
    wait_for(postern, lambda: first.port in origins(postern, 6), "back")
    assert postern.total(EJECTED) == 0
    assert postern.total(EJECTIONS, reason="consecutive_failures") == 1


def test_ejection_leaves_enough(postern_with, fleet):
    """All fail: half of them go, the others answer what there is to answer."""
    members = fleet(4)
    ejection = {"consecutive_failures": 2, "base_time": "60s"}
    postern = postern_with(over(members, None, ejection))
    for one in members:
        one.mode("error")
    for _ in range(30):
        with postern.client() as client:
            assert client.get("/x").status == 503
    assert postern.total(EJECTIONS) == 2
    wait_for(postern, lambda: postern.total(EJECTED) == 2, "shown")


def test_a_single_endpoint_is_never_ejected(postern_with, fleet):
    (only,) = fleet(1)
    postern = postern_with(over([only], None, {"consecutive_failures": 1}))
    only.mode("error")
    for _ in range(10):
        with postern.client() as client:
            assert client.get("/x").status == 503
    only.mode("ok")
    assert origins(postern, 2) == {only.port}
    assert postern.total(EJECTIONS) == 0


def test_success_rate(postern_with, fleet):
    """One that fails every now and then, never often in a row, is seen by comparison."""
    members = fleet(5)
    ejection = {"consecutive_failures": 0, "interval": "500ms", "min_requests": 10, "base_time": "60s"}
    postern = postern_with(over(members, None, ejection))
    bad, stop = members[0], threading.Event()

    def flap():
        while not stop.is_set():
            for mode in ("error", "ok"):
                bad.mode(mode)
                time.sleep(0.01)

    thread = threading.Thread(target=flap)
    thread.start()
    try:
        with postern.client() as client:
            deadline = time.monotonic() + 10 * PATIENCE
            while postern.total(EJECTIONS, reason="success_rate") == 0:
                assert time.monotonic() < deadline, postern.stderr()[-4000:]
                for _ in range(100):
                    client.get("/x")
    finally:
        stop.set()
        thread.join()
    log = postern.wait_log("endpoint is ejected")
    assert bad.endpoint in log and "of its requests succeed" in log
