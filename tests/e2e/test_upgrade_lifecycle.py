"""Replacing the binary (SIGUSR2), sockets from systemd, and telling systemd: nothing that has begun is lost."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from harness import postern as harness
from harness.client import PATIENCE, RawClient
from harness.postern import free_port, run_cli
from harness.settings import simple
from harness.upgrade import ask_upgrade, end, private_binary, replace, upgrade


def hello(body: str = "hi", **top) -> dict:
    return {
        "listener": [{"name": "main"}],
        "route": [{"name": "r", "path": "/*", "reply": {"status": 200, "body": body}}],
        **top,
    }


@pytest.fixture
def binary(tmp_path, monkeypatch) -> Path:
    """A binary of this test's own."""
    copy = private_binary(tmp_path)
    monkeypatch.setattr(harness, "BINARY", str(copy))
    return copy


def test_upgrade_keeps_streams_and_connections(postern_with, make_origin):
    """The stream goes on in the old process; the kept connection has one more request there; all else is new."""
    origin, gate = make_origin(), threading.Event()

    def stream(conn, request):
        conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        gate.wait(20)
        conn.send(b"6\r\nsecond\r\n0\r\n\r\n")

    origin.on("/stream", stream)
    postern = postern_with(simple(origin), workers=2, shutdown={"drain_timeout": "20s"})
    with postern.client() as streaming, postern.client() as kept, postern.client() as silent:
        head = streaming.send("GET /stream HTTP/1.1\r\nHost: a.test\r\n\r\n").read_head()
        assert kept.get("/x").status == 200
        postern.settings["route"] = hello("new")["route"]
        postern.write(postern.settings)
        old_pid, old = postern.pid, upgrade(postern)
        assert postern.pid != old_pid
        with postern.client() as fresh:
            assert fresh.get("/x").body == b"new"
        assert postern.is_ready(), "the admin address is the new one's"
        answer = kept.get("/x")
        assert answer.status == 200 and answer.says_close, "one more request, and the last one"
        assert silent.get("/x").status == 200
        gate.set()
        assert streaming.read_body(head).body == b"firstsecond"
    assert end(old) == 0
    assert postern.total("postern_draining") == 0


@pytest.mark.parametrize("before,after", [(1, 3), (3, 1)])
def test_upgrades_in_a_row_with_other_numbers_of_workers(postern_with, before, after):
    """No socket may be left without a worker: a connection that the kernel gives to it would wait for ever."""
    postern = postern_with(hello(workers=before))
    old = []
    for number in (after, before):
        postern.settings["workers"] = number
        postern.write(postern.settings)
        old.append(upgrade(postern))
        for _ in range(40):
            with postern.client(timeout=3) as client:
                assert client.get("/").status == 200
        assert postern.total("postern_workers") == number
    assert [end(one) for one in old] == [0, 0]
    for _ in range(40):
        with postern.client(timeout=3) as client:
            assert client.get("/").status == 200


@pytest.mark.parametrize("how", ["dies", "hangs", "bad config"])
def test_upgrade_that_fails_changes_nothing(postern_with, binary, how):
    postern = postern_with(hello(workers=2, upgrade={"ready_timeout": "700ms"}))
    with postern.client() as kept:
        assert kept.get("/").status == 200
        if how == "bad config":
            postern.write("nonsense")
        else:
            replace(binary, "exit 3" if how == "dies" else "exec sleep 60")
        log = postern.wait_log("upgrade failed, this process serves on", ask_upgrade(postern))
        assert {"dies": "it ended before", "hangs": "not ready in time", "bad config": "it ended before"}[how] in log
        answer = kept.get("/")
        assert answer.status == 200 and not answer.says_close
    for _ in range(20):
        with postern.client() as client:
            assert client.get("/").status == 200
    assert postern.total("postern_upgrades_total", result="failed") == 1
    assert postern.is_ready()


def test_one_upgrade_at_a_time(postern_with, binary):
    """A reload in between waits for the outcome, and is not forgotten."""
    postern = postern_with(hello(upgrade={"ready_timeout": "1s"}))
    replace(binary, "exec sleep 60")
    since = ask_upgrade(postern)
    postern.wait_log("upgrading", since)
    postern.write(postern.config.read_text().replace('"hi"', '"changed"'))
    postern.process.send_signal(signal.SIGHUP)
    postern.process.send_signal(signal.SIGUSR2)
    assert "one is on the way" in postern.wait_log("upgrade refused", since)
    postern.wait_log("reloaded", since)
    with postern.client() as client:
        assert client.get("/").body == b"changed"
    assert "upgrade failed" in postern.stderr()


def test_sigterm_ends_an_upgrade_that_is_on_the_way(postern_with, binary):
    postern = postern_with(hello(upgrade={"ready_timeout": "30s"}))
    replace(binary, f"echo $$ > {binary}.pid; exec sleep 60")
    postern.wait_log("upgrading", ask_upgrade(postern))
    pid_file = Path(f"{binary}.pid")
    deadline = time.monotonic() + 5 * PATIENCE
    while not (pid_file.exists() and pid_file.read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.01)
    postern.process.terminate()
    assert postern.wait_exit() == 0
    successor = int(pid_file.read_text())
    while Path(f"/proc/{successor}").exists() and time.monotonic() < deadline:
        try:
            os.waitpid(successor, os.WNOHANG)
        except ChildProcessError:
            pass
        time.sleep(0.01)
    assert not Path(f"/proc/{successor}").exists()


def test_upgrade_with_socket_files(postern_with, tmp_path):
    """Files stay where they are and lead to the new process, the admin's too."""
    paths = [tmp_path / "main.sock", tmp_path / "admin.sock"]
    postern = postern_with(
        {**hello(), "listener": [{"name": "main", "address": f"unix:{paths[0]}"}]}, admin={"listen": f"unix:{paths[1]}"}
    )
    inodes = [path.stat().st_ino for path in paths]
    old = upgrade(postern)
    assert end(old) == 0
    assert [path.stat().st_ino for path in paths] == inodes
    with postern.client() as client:
        assert client.get("/").body == b"hi"
    assert postern.is_ready()


def wait_refused(address, timeout: float = 5) -> None:
    deadline = time.monotonic() + timeout * PATIENCE
    while True:
        try:
            RawClient(address).close()
        except ConnectionRefusedError:
            return
        assert time.monotonic() < deadline, f"{address} still takes connections"
        time.sleep(0.02)


def test_upgrade_to_another_set_of_listeners(postern_with):
    """What the config has dropped is closed once the old process has drained; what is new is opened."""
    postern = postern_with({**hello(), "listener": [{"name": "kept"}, {"name": "dropped"}]})
    dropped = postern.address("dropped")
    postern.settings["listener"] = [postern.settings["listener"][0], {"name": "new", "address": f"127.0.0.1:{free_port()}"}]
    postern.write(postern.settings)
    since = len(postern.stderr())
    assert end(upgrade(postern)) == 0
    assert "has left the config" in postern.stderr()[since:]
    for name in ("kept", "new"):
        with postern.client(name) as client:
            assert client.get("/").status == 200
    wait_refused(dropped)


def test_drain_serves_what_waits_to_be_accepted(postern_with):
    """Frozen while clients connect and ask, then told to end: their connections are not reset."""
    postern = postern_with(hello(workers=2))
    os.kill(postern.pid, signal.SIGSTOP)
    clients = [postern.client() for _ in range(20)]
    for client in clients[:10]:
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    os.kill(postern.pid, signal.SIGTERM)
    os.kill(postern.pid, signal.SIGCONT)
    for client in clients[10:]:  # these ask a moment after they were accepted
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    for client in clients:
        assert client.read().body == b"hi"
        client.close()
    assert postern.wait_exit(5) == 0


def test_a_listener_that_a_reload_removes_serves_what_waits(postern_with):
    postern = postern_with({**hello(workers=2), "listener": [{"name": "kept"}, {"name": "dropped"}]})
    os.kill(postern.pid, signal.SIGSTOP)
    clients = [postern.client("dropped") for _ in range(10)]
    address = postern.address("dropped")
    for client in clients:
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    postern.settings["listener"] = postern.settings["listener"][:1]
    postern.write(postern.settings)
    os.kill(postern.pid, signal.SIGHUP)
    os.kill(postern.pid, signal.SIGCONT)
    for client in clients:
        assert client.read().body == b"hi"
        client.close()
    wait_refused(address)


# --- systemd

ACTIVATE = """
import os, sys
count = int(sys.argv[1])
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(count), LISTEN_FDNAMES=sys.argv[2])
for at in range(count):
    os.set_inheritable(3 + at, True)
os.execv(sys.argv[3], sys.argv[3:])
"""


def activated(postern_with, sockets: list[socket.socket], names: str, settings: dict, env: dict | None = None):
    """Starts it with those sockets as descriptors 3 and up, as systemd does."""
    descriptors = [os.dup(one.fileno()) for one in sockets]  # above those that the child will have
    shell = "".join(f" {3 + at}<&{fd}" for at, fd in enumerate(descriptors))
    for fd in descriptors:
        os.set_inheritable(fd, True)
    run = f'exec "$@"{shell}'
    wrapper = ["bash", "-c", run, "sh", sys.executable, "-c", ACTIVATE, str(len(sockets)), names]
    real = harness.subprocess.Popen

    def popen(*arguments, **options):
        return real(*arguments, **options, pass_fds=descriptors)

    harness.subprocess.Popen = popen
    try:
        return postern_with(settings, wrapper=wrapper, env=env)
    finally:
        harness.subprocess.Popen = real
        for fd in descriptors:
            os.close(fd)


def listening(path: Path | None = None) -> socket.socket:
    one = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
    one.bind(str(path) if path else ("127.0.0.1", 0))
    one.listen(64)
    return one


def test_sockets_from_systemd(postern_with, tmp_path):
    """By address, by name, for the admin server; one that nobody wants is a warning. All workers share each."""
    by_address, by_name, admin, unwanted, path = listening(), listening(), listening(), listening(), tmp_path / "s"
    unix = listening(path)
    port = by_address.getsockname()[1]
    settings = {
        **hello(workers=2),
        "listener": [
            {"name": "one", "address": f"127.0.0.1:{port}"},
            {"name": "two", "address": "127.0.0.1:0"},
            {"name": "three", "address": f"unix:{path}"},
        ],
        "admin": {"listen": f"127.0.0.1:{admin.getsockname()[1]}"},
    }
    with RawClient(by_address.getsockname()) as early:  # before there is anybody
        early.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        postern = activated(postern_with, [by_address, by_name, admin, unwanted, unix], "x:two:admin:nobody:x", settings)
        assert early.read().body == b"hi"
    log = postern.wait_log("ready")
    assert f"127.0.0.1:{unwanted.getsockname()[1]}" in log and "no listener wants" in log
    for address in (by_address.getsockname(), by_name.getsockname(), str(path)):
        for _ in range(10):
            with RawClient(address) as client:
                assert client.get("/").body == b"hi"
    old = upgrade(postern)  # what came from systemd is handed on as well
    for address in (by_address.getsockname(), by_name.getsockname(), str(path)):
        with RawClient(address) as client:
            assert client.get("/").body == b"hi"
    assert end(old) == 0


class Manager:
    """The service manager's end of the notification socket."""

    def __init__(self, address: str):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("\0" + address[1:] if address.startswith("@") else address)
        self.env = {"NOTIFY_SOCKET": address}
        self.messages: list[dict[str, str]] = []

    def wait(self, key: str, value: str | None = None, timeout: float = 5) -> dict[str, str]:
        deadline = time.monotonic() + timeout * PATIENCE
        while True:
            self.sock.settimeout(max(0.01, deadline - time.monotonic()))
            lines = self.sock.recv(4096).decode().split("\n")
            self.messages.append(dict(line.split("=", 1) for line in lines))
            if key in self.messages[-1] and value in (None, self.messages[-1][key]):
                return self.messages[-1]


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_what_systemd_is_told(postern_with, tmp_path, kind):
    manager = Manager(f"@postern-test-{os.getpid()}" if kind == "abstract" else str(tmp_path / "notify"))
    postern = postern_with(hello(), env=manager.env)
    assert "serving" in manager.wait("READY")["STATUS"]
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    postern.reload(postern.settings)
    assert int(manager.wait("RELOADING")["MONOTONIC_USEC"]) >= before
    assert "reloaded" in manager.wait("READY")["STATUS"]
    postern.reload("nonsense", result="failed")
    manager.wait("RELOADING")
    assert "refused" in manager.wait("READY")["STATUS"], "a refused reload is over, too"
    postern.write(postern.settings)
    old = upgrade(postern)
    assert manager.wait("MAINPID")["MAINPID"] == str(postern.pid)
    assert end(old) == 0
    assert not any("STOPPING" in message for message in manager.messages)
    postern.process.terminate()
    assert manager.wait("STOPPING")["STOPPING"] == "1"
    manager.wait("EXTEND_TIMEOUT_USEC")
    assert postern.wait_exit() == 0


def test_signal_reload_waits_for_the_outcome(postern_with):
    postern = postern_with(hello())
    ask = ["signal", "reload", "--config", str(postern.config), str(postern.pid)]
    assert run_cli(*ask).returncode == 0
    assert postern.total("postern_config_reloads_total", result="ok") == 1
    good = postern.config.read_text()
    postern.write(good + "\nnonsense")
    result = run_cli(*ask)
    assert result.returncode == 2 and "postern.toml:" in result.stderr
    taken = socket.create_server(("127.0.0.1", 0))  # only the process itself can find that out
    postern.write(good.replace(postern.settings["listener"][0]["address"], f"127.0.0.1:{taken.getsockname()[1]}"))
    result = run_cli(*ask)
    assert result.returncode == 1 and "refused" in result.stderr
    postern.write(good)
