"""Upgrades of a running postern: the successor is a grandchild, which this process adopts when the old one has ended."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from harness.client import PATIENCE
from harness.postern import BINARY, Postern

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Orphaned grandchildren become ours: only a parent can ask how a process ended."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Successor:
    """What Postern needs of a subprocess.Popen, for a process that we did not start."""

    def __init__(self, pid: int):
        self.pid, self.returncode = pid, None

    def poll(self) -> int | None:
        if self.returncode is not None:
            return self.returncode
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid == self.pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        except ChildProcessError:  # its parent still lives
            if not Path(f"/proc/{self.pid}").exists():
                self.returncode = 0
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = time.monotonic() + (timeout or 60)
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 60)
            time.sleep(0.01)
        return self.returncode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def ask_upgrade(postern: Postern) -> int:
    """Sends SIGUSR2; returns where the log of it begins."""
    adopt_orphans()
    since = len(postern.stderr())
    postern.process.send_signal(signal.SIGUSR2)
    return since


def upgrade(postern: Postern, timeout: float = 15) -> subprocess.Popen | Successor:
    """Upgrades and waits until the new process serves; returns the old one, which drains."""
    log = postern.wait_log(r"upgraded, the new process serves|upgrade failed|upgrade refused", ask_upgrade(postern), timeout)
    pid = re.search(r"the new process serves.* pid=(\d+)", log)
    assert pid, log
    old, postern.process = postern.process, Successor(int(pid[1]))
    return old


def private_binary(folder: Path) -> Path:
    """A copy that a test may replace."""
    copy = folder / "postern"
    shutil.copy(BINARY, copy)
    return copy


def replace(binary: Path, script: str) -> None:
    """As a package manager does it: another file under the same name."""
    fresh = binary.with_suffix(".new")
    fresh.write_text(f"#!/bin/sh\n{script}\n")
    fresh.chmod(0o755)
    fresh.rename(binary)


def end(process, timeout: float = 15) -> int:
    return process.wait(timeout * PATIENCE)
