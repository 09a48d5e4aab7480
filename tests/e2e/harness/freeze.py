"""Stops one thread of a process and lets the others run: with ptrace, since signals stop them all."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000


def thread_of(pid: int, name: str) -> int:
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            return int(task.name)
    raise LookupError(f"{pid} has no thread {name}")


class Frozen:
    """While this is entered, from the thread that made it, that thread stands still. PermissionError: not allowed."""

    def __init__(self, thread: int):
        self.thread = thread
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        self.libc.ptrace.restype = ctypes.c_long

    def ask(self, request: int) -> None:
        if self.libc.ptrace(request, self.thread, None, None) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def __enter__(self) -> "Frozen":
        self.ask(PTRACE_SEIZE)
        self.ask(PTRACE_INTERRUPT)
        os.waitpid(self.thread, WALL)
        return self

    def has_ended(self) -> bool:
        """Its tracer has to bury it: until then the whole process is not gone."""
        try:
            pid, status = os.waitpid(self.thread, WALL | os.WNOHANG)
            return pid == self.thread and (os.WIFSIGNALED(status) or os.WIFEXITED(status))
        except ChildProcessError:
            return True

    def __exit__(self, *unused) -> None:
        try:
            self.ask(PTRACE_DETACH)
        except ProcessLookupError:  # it is gone
            pass
