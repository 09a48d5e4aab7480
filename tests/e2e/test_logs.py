"""Both logs: formats, sampling, rotation and its archives, full disks, syslog and journald."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from harness.client import PATIENCE
from harness.postern import run_cli
from harness.syslog import PROGRAM as RSYSLOGD
from harness.syslog import Rsyslog

ROUTE = [
    {"name": "r", "path": "/*", "reply": {"status": 200, "body": "hi"}},
    {"name": "bad", "path": "/bad", "reply": {"status": 503, "body": "no"}},
]
needs_rsyslogd = pytest.mark.skipif(not RSYSLOGD, reason="rsyslogd is not installed")
CAN_MOUNT = os.geteuid() == 0 and subprocess.run(
    ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"], capture_output=True
).returncode == 0
needs_mount = pytest.mark.skipif(not CAN_MOUNT, reason="no right to mount")


def wait_for(done, what="", timeout: float = 8) -> None:
    deadline = time.monotonic() + timeout * PATIENCE
    while not done():
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(0.02)


def settings(access_log: dict, **more) -> dict:
    return {"listener": [{"name": "main"}], "route": ROUTE, "access_log": access_log, **more}


def ask(postern, count: int, threads: int = 1, target: str = "/x") -> None:
    """`count` requests by each of some clients at a time, twenty in a write."""

    def one(number: int) -> None:
        with postern.client() as client:
            for start in range(0, count, 20):
                batch = range(start, min(start + 20, count))
                client.send("".join(f"GET {target}?n={number}-{i} HTTP/1.1\r\nHost: a.test\r\n\r\n" for i in batch))
                for _ in batch:
                    client.read()

    workers = [threading.Thread(target=one, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def targets(lines) -> list[str]:
    return [json.loads(line)["target"] for line in lines]


def asked(count: int, threads: int = 1, target: str = "/x") -> list[str]:
    return sorted(f"{target}?n={number}-{i}" for number in range(threads) for i in range(count))


# Formats


def test_template(postern_with, tmp_path):
    path = tmp_path / "access.log"
    line = '{{{client}}} {method} "{target}" {status} {user_agent} "{user_agent}" {{"ua":"{user_agent:json}"}}'
    postern = postern_with(settings({"path": str(path), "format": "template", "template": line}))
    with postern.client() as client:
        client.get("/a", headers='User-Agent: x" 200 {status} \\ \xe9\r\n')
        client.get("/b")
    wait_for(lambda: path.read_bytes().count(b"\n") == 2)
    first, second = path.read_bytes().decode("utf-8").splitlines()
    assert second == '{127.0.0.1} GET "/b" 200 - "-" {"ua":""}'
    match = re.fullmatch(r'\{127\.0\.0\.1\} GET "/a" 200 (\S+) "([^"]*)" (\{.*\})', first)
    assert match and match[1] == r"x\x22\x20200\x20{status}\x20\x5C\x20\xE9", first
    assert match[2] == r"x\x22 200 {status} \x5C \xE9"
    assert json.loads(match[3])["ua"] == 'x" 200 {status} \\ \ufffd'


def test_template_mistakes_are_told(tmp_path):
    config = tmp_path / "c.toml"
    base = '[[listener]]\nname="a"\naddress="127.0.0.1:0"\n[[route]]\nname="r"\npath="/*"\nreply={status=200}\n'
    config.write_text('[access_log]\npath="stdout"\nformat="template"\ntemplate="{clinet}"\n' + base)
    told = run_cli("check", "--config", str(config))
    assert told.returncode != 0 and 'did you mean "client"' in told.stdout + told.stderr
    config.write_text('[access_log]\npath="stdout"\nrotate="daily"\ntemplate="{client}"\n' + base)
    told = run_cli("check", "--config", str(config))
    assert "only a file can be rotated" in told.stdout + told.stderr
    assert 'unless format is "template"' in told.stdout + told.stderr


def test_sampling_keeps_a_share_and_every_error(postern_with, tmp_path):
    path = tmp_path / "access.log"
    postern = postern_with(settings({"path": str(path), "sample": "10%"}))
    ask(postern, 1000)
    ask(postern, 20, target="/bad")
    postern.wait_total("postern_requests_total", 1020)
    left_out = postern.total("postern_access_log_sampled_out_total")
    assert 820 < left_out < 980, "the odds against are a million to one"
    wait_for(lambda: path.read_bytes().count(b"\n") == 1020 - left_out)
    statuses = [json.loads(line)["status"] for line in path.read_text().splitlines()]
    assert statuses.count(503) == 20
    assert postern.total("postern_access_log_dropped_total") == 0


# Rotation


@pytest.mark.concurrency
@pytest.mark.parametrize("compress", ["gzip", "zstd"])
def test_rotation_by_size_under_load(postern_with, tmp_path, compress):
    """No line lost, none twice, none in two files; what the archive made is what the tools read."""
    if compress == "zstd" and not shutil.which("zstd"):
        pytest.skip("zstd is not installed")
    path = tmp_path / "access.log"
    log = {"path": str(path), "rotate_size": "64KiB", "compress": compress, "keep": 0}
    postern = postern_with(settings(log, workers=2))
    ask(postern, 500, threads=4)
    postern.wait_total("postern_access_log_lines_total", 2000)
    rotations = postern.total("postern_access_log_rotations_total", result="ok")
    assert rotations >= 5
    postern.wait_total("postern_access_log_archives_total", rotations, result="ok")
    read = {"gzip": ["gzip", "-dc"], "zstd": ["zstd", "-dcq"]}[compress]
    archives = [one for one in tmp_path.iterdir() if one.name.startswith("access.log.")]
    assert len(archives) == rotations and all(one.suffix in (".gz", ".zst") for one in archives), archives
    texts = [subprocess.run([*read, str(one)], capture_output=True, check=True).stdout for one in archives]
    texts.append(path.read_bytes())
    assert all(len(text) <= 64 << 10 and text.endswith(b"\n") for text in texts)
    lines = b"".join(texts).decode().splitlines()
    assert sorted(targets(lines)) == asked(500, 4)
    assert len({json.loads(line)["request_id"] for line in lines}) == 2000


def test_yesterdays_file_and_retention(postern_with, tmp_path):
    path = tmp_path / "access.log"
    path.write_text("of yesterday\n")
    then = time.time() - 86_400
    os.utime(path, (then, then))
    stamp = time.strftime("%Y-%m-%d", time.localtime(then))
    for name in ("access.log.2001-01-01", "access.log.2001-01-02.gz", "access.log.mine", "access.log.2001-01-01.bak"):
        (tmp_path / name).write_text("x")
    postern = postern_with(settings({"path": str(path), "rotate": "daily", "keep": 2, "compress": "gzip"}))
    ask(postern, 1)
    postern.wait_total("postern_access_log_rotations_total", 1, result="ok")
    wait_for(lambda: (tmp_path / f"access.log.{stamp}.gz").exists() and not (tmp_path / "access.log.2001-01-01").exists())
    assert gzip.decompress((tmp_path / f"access.log.{stamp}.gz").read_bytes()) == b"of yesterday\n"
    wait_for(lambda: path.read_text().count("\n") == 1)
    rest = {one.name for one in tmp_path.iterdir() if one.name.startswith("access.log.")}
    kept = {f"access.log.{stamp}.gz", "access.log.2001-01-02.gz"}
    assert rest == {"access.log.mine", "access.log.2001-01-01.bak", *kept}


def test_external_rotation_by_sigusr1(postern_with, tmp_path):
    path = tmp_path / "access.log"
    postern = postern_with(settings({"path": str(path), "rotate": "daily"}))
    ask(postern, 5)
    wait_for(lambda: path.read_text().count("\n") == 5)
    path.rename(tmp_path / "moved")
    postern.process.send_signal(signal.SIGUSR1)
    wait_for(path.exists)
    ask(postern, 5, target="/y")
    wait_for(lambda: path.read_text().count("\n") == 5)
    assert sorted(targets((tmp_path / "moved").read_text().splitlines())) == asked(5)


# A disk that is full, and then is not


def fill_and_free(postern, path: Path, free) -> None:
    """Nothing is lost but what is counted, and no half line is left."""
    sent = 0
    while postern.total("postern_access_log_blocked") == 0:
        ask(postern, 100)
        sent += 100
        assert sent < 5000
    ask(postern, 1000)  # more than the ring holds
    sent += 1000
    wait_for(lambda: postern.total("postern_access_log_dropped_total", stage="ring") > 0)
    postern.wait_log("lines have to wait")
    free()
    wait_for(lambda: postern.total("postern_access_log_blocked") == 0)
    ask(postern, 50, target="/after")
    sent += 50
    postern.wait_log("lines go on.*dropped=[1-9]")
    wait_for(lambda: sum(one.startswith("/after") for one in targets(path.read_text().splitlines())) == 50)
    lines = path.read_text().splitlines()
    dropped = postern.total("postern_access_log_dropped_total")
    assert len(lines) + dropped == sent
    assert postern.total("postern_access_log_lines_total") == len(lines) == len(set(lines))


@needs_mount
def test_full_disk_and_free_again(postern_with, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    script = f'mount -t tmpfs -o size=1m none {disk} && head -c 900000 /dev/zero > {disk}/filler && exec "$@"'
    postern = postern_with(
        settings({"path": str(disk / "access.log"), "ring": 64}), wrapper=["unshare", "-m", "sh", "-c", script, "sh"]
    )
    inside = Path(f"/proc/{postern.pid}/root{disk}")
    fill_and_free(postern, inside / "access.log", (inside / "filler").unlink)


@pytest.mark.concurrency
def test_file_size_limit_and_raised_again(postern_with, tmp_path):
    path = tmp_path / "access.log"
    postern = postern_with(
        settings({"path": str(path), "ring": 64}), wrapper=["prlimit", "--fsize=100000:unlimited"]
    )

    def free() -> None:
        subprocess.run(["prlimit", f"--pid={postern.pid}", "--fsize=unlimited"], check=True)

    fill_and_free(postern, path, free)


# Syslog and journald


@pytest.fixture
def rsyslog(tmp_path):
    server = Rsyslog(tmp_path / "rsyslog")
    yield server
    server.stop()


@needs_rsyslogd
def test_syslog_over_udp_tcp_and_unix(postern_with, rsyslog):
    def over(address: str) -> dict:
        return settings(
            {"path": "syslog"}, syslog={"address": address, "access_facility": "local3", "tag": "edge"},
            log={"output": "syslog"},
        )

    ways = {"/udp": f"udp:127.0.0.1:{rsyslog.udp}", "/tcp": f"tcp:localhost:{rsyslog.tcp}", "/unix": f"unix:{rsyslog.socket}"}
    postern = None
    for way, address in ways.items():
        if postern is None:
            postern = postern_with(over(address))
        else:
            postern.reload({**postern.settings, "syslog": over(address)["syslog"]})
        ask(postern, 50, target=way)  # few enough for UDP's buffer
        rsyslog.wait(lambda: sum(f'"{way}?n=' in line for line in rsyslog.lines()) >= 50)
    postern.stop()
    lines = rsyslog.lines()
    access = [line for line in lines if " access " in line[:60]]
    prefix = f"local3.info 1 edge {postern.pid} access "
    assert all(line.startswith(prefix) for line in access), access[0]
    assert sorted(targets(line[len(prefix) :] for line in access)) == sorted(sum((asked(50, 1, way) for way in ways), []))
    own = [line for line in lines if line.startswith(f"daemon.info 1 edge {postern.pid} log msg=")]
    assert any("msg=ready" in line for line in own) and any("msg=reloaded" in line for line in own)
    assert any("msg=stopped" in line for line in own), "the last words, too"
    assert "msg=ready" not in postern.stderr()


@pytest.mark.concurrency
@needs_rsyslogd
@pytest.mark.parametrize("way", ["tcp", "unix"])
def test_syslog_server_that_restarts(postern_with, rsyslog, way):
    """Lines wait for it."""
    address = f"tcp:127.0.0.1:{rsyslog.tcp}" if way == "tcp" else f"unix:{rsyslog.socket}"
    postern = postern_with(settings({"path": "syslog"}, syslog={"address": address}))
    ask(postern, 10, target="/before")
    rsyslog.wait(lambda: len(rsyslog.lines()) == 10)
    rsyslog.stop()
    rsyslog.socket.unlink(missing_ok=True)
    ask(postern, 100, target="/during")
    postern.wait_log("lines have to wait")
    assert postern.total("postern_access_log_blocked") == 1
    rsyslog.start()
    rsyslog.wait(lambda: len(rsyslog.lines()) >= 110)
    ask(postern, 10, target="/after")
    rsyslog.wait(lambda: len(rsyslog.lines()) >= 120)
    assert len(rsyslog.lines()) == 120
    assert postern.total("postern_access_log_dropped_total") == 0


@needs_mount
def test_journald(postern_with, tmp_path):
    """Both logs in journald's own protocol, to a socket of ours in its place."""
    place = tmp_path / "journal"
    place.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(place / "socket"))
        journal.settimeout(5 * PATIENCE)
        script = (
            "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && "
            f'mount --bind {place} /run/systemd/journal && exec "$@"'
        )
        postern = postern_with(
            settings({"path": "journald"}, log={"output": "journald", "format": "json"}, syslog={"tag": "edge"}),
            wrapper=["unshare", "-m", "sh", "-c", script, "sh"],
        )
        ask(postern, 1)
        found = {}
        while len(found) < 2:  # they come by two threads, in any order
            fields = journal.recv(65536).decode().split("\n")
            found.setdefault(fields[-2], fields)
    own, access = found["POSTERN_LOG=log"], found["POSTERN_LOG=access"]
    assert json.loads(own[0].removeprefix("MESSAGE="))["level"] == "info"
    assert own[1:] == ["PRIORITY=6", "SYSLOG_FACILITY=3", "SYSLOG_IDENTIFIER=edge", "POSTERN_LOG=log", ""]
    assert json.loads(access[0].removeprefix("MESSAGE="))["target"] == "/x?n=0-0"
    assert access[1:] == ["PRIORITY=6", "SYSLOG_FACILITY=16", "SYSLOG_IDENTIFIER=edge", "POSTERN_LOG=access", ""]


# The own log


def test_own_log_is_json_on_request_and_changes_with_a_reload(postern_with):
    postern = postern_with(settings({}, log={"format": "json"}))
    entries = [json.loads(line) for line in postern.stderr().splitlines()]
    assert any(one["msg"] == "ready" and one["level"] == "info" for one in entries)
    told = postern.reload({**postern.settings, "log": {"format": "logfmt"}})
    assert "msg=reloaded" in told


def test_lines_tell_their_priority_where_stderr_is_the_journal(postern_with, tmp_path, request):
    stderr = tmp_path / "postern-journal" / "stderr.log"
    stderr.parent.mkdir()
    stderr.touch()
    status = stderr.stat()
    from harness.postern import Postern

    postern = Postern(
        stderr.parent, settings({}), env={"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
    )
    request.addfinalizer(postern.stop)
    assert all(line.startswith("<6>time=") for line in postern.stderr().splitlines()), postern.stderr()
