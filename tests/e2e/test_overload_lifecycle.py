"""Workers that stand still, resources that run out, clients that take too much: noticed, said, and survived."""

from __future__ import annotations

import os
import signal
import socket
import time

import pytest

from harness.client import PATIENCE, Closed, RawClient
from harness.freeze import Frozen, thread_of
from harness.postern import free_port
from test_upgrade_lifecycle import Manager, hello


def frozen(postern, core: int) -> Frozen:
    one = Frozen(thread_of(postern.pid, f"core-{core}"))
    try:
        with one:
            pass
    except OSError as problem:
        pytest.skip(f"no thread can be frozen here: {problem}")
    return one


def test_a_frozen_core_is_noticed_and_only_said(postern_with):
    postern = postern_with(hello(workers=2, watchdog={"stuck_after": "1s"}))
    freeze = frozen(postern, 1)
    begin = time.monotonic()
    with freeze:
        log = postern.wait_log("a worker stands still", timeout=10)
        assert time.monotonic() - begin < 2 * PATIENCE, "within its interval, and a moment"
        assert "core=1" in log and "action=log" in log
        assert postern.total("postern_cores_stuck") == 1
        assert postern.total("postern_core_loop_lag_seconds", core="0") < 0.5 * PATIENCE
        assert postern.is_ready(), "the control thread and the other core go on"
    postern.wait_log("a worker runs again")
    assert postern.total("postern_cores_stuck") == 0 and postern.total("postern_cores_found_stuck_total") == 1


def test_a_frozen_core_ends_a_managed_process(postern_with, tmp_path):
    """systemd is told no more that all is well, and the process ends so that it is started anew."""
    manager = Manager(str(tmp_path / "notify"))
    env = {**manager.env, "WATCHDOG_USEC": "900000"}
    postern = postern_with(hello(workers=2, watchdog={"stuck_after": "2s"}), env=env)
    for _ in range(3):
        manager.wait("WATCHDOG", timeout=2)
    freeze = frozen(postern, 0)
    manager.sock.setblocking(False)
    with freeze:
        time.sleep(0.7)
        while True:
            try:
                manager.sock.recv(4096)
            except BlockingIOError:
                break
        manager.sock.settimeout(1)
        with pytest.raises(TimeoutError):
            manager.wait("WATCHDOG", timeout=0.8)
        deadline = time.monotonic() + 10 * PATIENCE
        while not freeze.has_ended() and time.monotonic() < deadline:
            time.sleep(0.05)
    assert postern.wait_exit() == -signal.SIGABRT
    assert "a worker stands still" in postern.stderr() and "action=abort" in postern.stderr()
    postern.stopped = True


def test_a_stopped_process_blames_no_core(postern_with):
    postern = postern_with(hello(workers=2, watchdog={"stuck_after": "1s", "action": "abort"}))
    os.kill(postern.pid, signal.SIGSTOP)
    time.sleep(2.5)
    os.kill(postern.pid, signal.SIGCONT)
    time.sleep(0.5)
    assert postern.is_ready() and "stands still" not in postern.stderr()


def overloaded(stage: dict, **more) -> dict:
    """Memory that is full as soon as there is a process, and only the given stages."""
    off = {name: {"memory": 0, "files": 0} for name in ("close_idle", "refuse_connections", "refuse_requests")}
    return {"memory_limit": "4MiB", **off, **stage, **more}


def wait_stage(postern, stage: int) -> None:
    deadline = time.monotonic() + 10 * PATIENCE
    while postern.total("postern_overload_stage") != stage:
        assert time.monotonic() < deadline, postern.stderr()[-2000:]
        time.sleep(0.05)


FULL = {"memory": 90}


def test_stages_of_overload(postern_with):
    """Each takes away more; what is essential stays; it is over when the reason is."""
    essential = {"name": "health", "essential": True, "address": f"127.0.0.1:{free_port()}"}
    postern = postern_with({**hello(), "listener": [{"name": "main"}, essential]})
    idle, asking = postern.client(), postern.client()
    assert idle.get("/").status == 200 and asking.get("/").status == 200
    postern.settings["overload"] = overloaded({"close_idle": FULL})
    postern.reload(postern.settings)
    wait_stage(postern, 1)
    assert idle.how_it_ends() == "fin" and asking.how_it_ends() == "fin"
    with postern.client() as client:
        assert client.get("/").says_close
    with postern.client("health") as client:
        assert not client.get("/").says_close

    postern.settings["overload"] = overloaded({"close_idle": FULL, "refuse_connections": FULL})
    postern.reload(postern.settings)
    wait_stage(postern, 2)
    with pytest.raises((Closed, OSError)):
        with postern.client() as client:
            client.get("/")
    with postern.client("health") as kept:
        assert kept.get("/").status == 200
        assert postern.total("postern_connections_rejected_total", reason="overload") >= 1

    postern.settings["overload"] = overloaded({})
    postern.reload(postern.settings)
    wait_stage(postern, 0)
    with postern.client() as kept:
        assert kept.get("/").status == 200
        postern.settings["overload"] = overloaded({"refuse_requests": FULL}, retry_after="7s")
        postern.reload(postern.settings)
        wait_stage(postern, 3)
        # It is closed as idle, or was asked again before.
        assert kept.how_it_ends() == "fin"
    with postern.client("health") as client:
        assert client.get("/").status == 200
    assert postern.is_ready()
    assert postern.total("postern_overload_shed_total", what="idle_connection") >= 3
    assert postern.total("postern_overload_shed_total", what="connection") >= 1
    log = postern.stderr()
    for word in ("stage=close_idle", "stage=refuse_connections", "stage=refuse_requests", "stage=none", "reason=memory"):
        assert word in log


def test_requests_on_open_connections_are_refused_with_retry_after(postern_with, make_origin):
    """A connection in use when the last stage begins: its answer comes whole, the next request is refused."""
    postern = postern_with(hello(overload=overloaded({}, retry_after="7s")))
    with postern.client() as client:
        postern.settings["overload"] = overloaded({"refuse_requests": FULL}, retry_after="7s")
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\n")  # half a head: this one is not idle
        postern.reload(postern.settings)
        wait_stage(postern, 3)
        answer = client.ask("Content-Length: 0\r\n\r\n")
        assert answer.status == 503 and answer.fields["retry-after"] == "7" and answer.says_close
    assert postern.total("postern_request_errors_total", reason="overload") == 1
    assert postern.total("postern_overload_shed_total", what="request") == 1


def test_connections_per_address(postern_with):
    postern = postern_with(
        hello(
            workers=2,
            listener=[
                {"name": "main", "max_connections_per_address": 3},
                {"name": "proxied", "max_connections_per_address": 1, "proxy_protocol_from": ["127.0.0.1/32"]},
            ],
        )
    )
    clients = [postern.client() for _ in range(3)]
    assert all(client.get("/").status == 200 for client in clients)
    with pytest.raises((Closed, OSError)):
        with postern.client() as one_more:
            one_more.get("/")
    with postern.client(source="127.0.0.2") as other:
        assert other.get("/").status == 200
    assert postern.total("postern_connections_rejected_total", listener="main", reason="address_limit") == 1
    clients.pop().close()
    deadline = time.monotonic() + 5 * PATIENCE
    while True:
        try:
            with postern.client() as client:
                assert client.get("/").status == 200
            break
        except (Closed, OSError):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    for client in clients:
        client.close()

    def from_client(address: str) -> RawClient:
        client = postern.client("proxied")
        client.send(f"PROXY TCP4 {address} 127.0.0.1 1000 80\r\n")
        return client

    with from_client("192.0.2.1") as one, from_client("192.0.2.2") as two:
        assert one.get("/").status == 200 and two.get("/").status == 200, "each client for itself"
        with pytest.raises((Closed, OSError)):
            with from_client("192.0.2.1") as again:
                again.get("/")
    assert postern.total("postern_connections_rejected_total", listener="proxied", reason="address_limit") == 1


def test_descriptors_run_out(postern_with):
    """The marks keep room: connections are refused before the kernel refuses them, and the admin answers."""
    postern = postern_with(hello(), wrapper=["bash", "-c", 'ulimit -n 200; exec "$@"', "sh"])
    clients = []
    try:
        while len(clients) < 250 and postern.total("postern_overload_stage") < 2:
            for _ in range(5):
                clients.append(socket.create_connection(postern.address(), timeout=5))
            time.sleep(0.12)  # it looks ten times a second
        assert "reason=files" in postern.wait_log("msg=overload.*stage=refuse_connections")
        clients += [socket.create_connection(postern.address(), timeout=5) for _ in range(3)]
        postern.wait_total("postern_connections_rejected_total", 1, reason="overload")
        assert postern.is_ready()
    finally:
        for client in clients:
            client.close()
    wait_stage(postern, 0)
    with postern.client() as client:
        assert client.get("/").status == 200
