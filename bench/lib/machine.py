"""The machine under bench/run: CPUs, free ports, packages, the tools' build, and children that end with the run."""

import ctypes
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "bench" / "tools"

# What has to be on the PATH, and the package that brings it. (lighttpd's TLS module is a file, see install().)
PROGRAMS = {
    "nginx": "nginx-light",
    "haproxy": "haproxy",
    "lighttpd": "lighttpd",
    "wrk": "wrk",
    "h2load": "nghttp2-client",
    "nghttp": "nghttp2-client",
    "openssl": "openssl",
}
LIGHTTPD_TLS = Path("/usr/lib/lighttpd/mod_openssl.so")

# Debian starts a daemon when it installs it; for the bench nothing may hold port 80.
APT = """set -e
guard=/usr/sbin/policy-rc.d
if [ ! -e $guard ]; then
  trap 'rm -f $guard' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > $guard
  chmod 755 $guard
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends "$@"
"""


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def find(program):
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin")


def install(wanted):
    """Installs what is missing of these programs. A failure is said and is not the end: that peer is left out."""
    packages = [PROGRAMS[p] for p in wanted if p in PROGRAMS and not find(p)]
    if "lighttpd" in wanted and not LIGHTTPD_TLS.exists():
        packages.append("lighttpd-mod-openssl")
    if not packages:
        return
    say(f"installing {' '.join(packages)} with apt-get")
    prefix = [] if os.geteuid() == 0 else ["sudo"]
    done = subprocess.run(prefix + ["sh", "-c", APT, "apt"] + packages, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        say("apt-get failed: " + " | ".join(done.stdout.strip().splitlines()[-3:]))


def tool(name):
    """The path of one of bench/tools: CMake's when it is there and fresh, or one that is compiled now."""
    source = next(path for path in (TOOLS / f"{name}.c", TOOLS / f"{name}.cc") if path.exists())
    built = ROOT / "build" / "release" / "bench" / name
    own = ROOT / "build" / "bench" / "tools" / name
    for path in (built, own):
        if path.exists() and path.stat().st_mtime >= source.stat().st_mtime:
            return path
    say(f"compiling bench/tools/{source.name}")
    own.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix == ".c":
        command = ["cc", "-O2", "-std=gnu11", "-o", own, source]
        command += ["-lnghttp2"] if "<nghttp2/" in source.read_text() else []
    else:
        command = ["c++", "-O2", "-std=c++20", "-o", own, source, "-lssl", "-lcrypto"]
    subprocess.run([str(word) for word in command], check=True)
    return own


def cpu_plan():
    """(CPUs of the proxy, CPUs of load and origin). With a single CPU all share it, and the figures say little."""
    cpus = sorted(os.sched_getaffinity(0))
    return {cpus[0]}, set(cpus[1:]) or {cpus[0]}


def other_work(seconds=0.4):
    """The share of the CPUs that other programs use now, before anything of the bench runs."""

    def reading():
        fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return sum(fields), fields[3] + fields[4]  # all; idle and waiting for disks

    total, idle = reading()
    time.sleep(seconds)
    total_after, idle_after = reading()
    return 1 - (idle_after - idle) / max(1, total_after - total)


def raise_file_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, child, patience=10.0):
    """True once something accepts on the port; False when the child has ended or the patience has."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and not ended(child):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
        except OSError:
            time.sleep(0.02)
    return False


def folder_in_memory():
    """Where files are on no disk; None where there is no such folder."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def ended(child):
    """Whether the process has ended, without reaping it: its number stays taken until stop() has ended its group."""
    if child.returncode is not None:
        return True
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


class Children:
    """Every process of a run. Each leads its own group; stop() ends the group, close() all of them."""

    def __init__(self):
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._running = []

    def start(self, command, cpus, log=None, **pipes):
        def prepare():
            os.setsid()
            os.sched_setaffinity(0, cpus)
            self._libc.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: also when the bench itself is killed
            self._libc.prctl(41, 1)  # PR_SET_THP_DISABLE: a 2 MiB page would hide what a connection costs

        output = open(log, "ab") if log else subprocess.DEVNULL
        options = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output, **pipes}
        child = subprocess.Popen([str(word) for word in command], preexec_fn=prepare, **options)
        if log:
            output.close()
        self._running.append(child)
        return child

    def stop(self, child, patience=3.0):
        if child in self._running:
            self._running.remove(child)
        for number in (signal.SIGTERM, signal.SIGKILL):
            self._signal(child, number)
            deadline = time.monotonic() + patience
            while not ended(child) and time.monotonic() < deadline:
                time.sleep(0.005)
        child.wait()
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe:
                pipe.close()

    @staticmethod
    def _signal(child, number):
        """To the whole group, and only while the process is ours: not reaped yet."""
        if child.returncode is None:
            os.killpg(child.pid, number)

    def close(self):
        for child in list(self._running):  # all at once first: a drain of one is a drain of all
            self._signal(child, signal.SIGTERM)
        for child in list(self._running):
            self.stop(child, patience=1.0)
