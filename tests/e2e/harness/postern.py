"""postern as a child process: config, start, readiness, reload, metrics, stop.

The binary is $POSTERN_BIN (default build/release/postern of this tree); $POSTERN_ENGINE, when set, is put into every
config as `engine`, so that one suite judges both engines.
"""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

from harness import leaks
from harness.client import PATIENCE, Closed, RawClient
from harness.message import BadMessage, Message

TREE = Path(__file__).resolve().parents[3]
BINARY = os.environ.get("POSTERN_BIN", str(TREE / "build" / "release" / "postern"))
ENGINE = os.environ.get("POSTERN_ENGINE", "")
SANITIZER = re.compile(r"(Address|Leak|Thread|Memory)Sanitizer|runtime error:")
SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? ([-+0-9.eEinfaN]+)( \d+)?$")


given_ports: set[int] = set()  # nobody may have bound them yet


def free_port(host: str = "127.0.0.1") -> int:
    """A port below the ephemeral range: no outgoing connection can take it before its owner binds it."""
    while True:
        port = random.randrange(15000, 32000)
        if port in given_ports:
            continue
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as sock:
            try:
                sock.bind((host, port))
                given_ports.add(port)
                return port
            except OSError:
                continue


def dump_toml(settings: dict, prefix: str = "") -> str:
    """Enough TOML for a config: scalars and lists first, then tables and arrays of tables."""
    lines, tables = [], []
    for key, value in settings.items():
        is_array = isinstance(value, list) and value and isinstance(value[0], dict)
        if is_array or isinstance(value, dict):
            tables.append((key, value))
        else:
            lines.append(f"{key} = {dump_value(value)}")
    for key, value in tables:
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            lines.append(f"\n[{name}]\n{dump_toml(value, name + '.')}")
        else:
            lines += [f"\n[[{name}]]\n{dump_toml(one, name + '.')}" for one in value]
    return "\n".join(lines)


def dump_value(value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(dump_value(one) for one in value) + "]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'


def run_cli(*arguments: str, timeout: float = 20, env: dict | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [BINARY, *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=timeout * PATIENCE,
        env={**os.environ, **(env or {})},
    )


class Postern:
    """A running postern. `settings` is the config as a dict; listeners without an address get a free port."""

    def __init__(
        self, folder: Path, settings: dict, wait: bool = True, wrapper: list[str] | None = None, env: dict | None = None
    ):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config = self.folder / "postern.toml"
        self.settings = self.complete(settings)
        self.write(self.settings)
        self.stderr_path = self.folder / "stderr.log"
        self.stdout_path = self.folder / "stdout.log"
        self.watch = leaks.Watch(self.settings, self.stderr_path, self.stdout_path)
        self.process = subprocess.Popen(
            [*(wrapper or []), BINARY, "run", "--config", str(self.config)],
            stdin=subprocess.DEVNULL,
            stdout=self.stdout_path.open("wb"),
            stderr=self.stderr_path.open("wb"),
            cwd=self.folder,
            env={**os.environ, **(env or {})},
        )
        self.stopped = False
        if wait:
            try:
                self.wait_ready()
            except BaseException:
                self.kill()
                raise

    def complete(self, settings: dict) -> dict:
        full = {"workers": 1, **({"engine": ENGINE} if ENGINE else {}), **settings}
        full.setdefault("admin", {"listen": f"127.0.0.1:{free_port()}"})
        full.setdefault("shutdown", {"drain_timeout": "3s"})
        for number, listener in enumerate(full["listener"]):
            listener.setdefault("name", f"l{number}")
            listener.setdefault("address", f"127.0.0.1:{free_port()}")
        return full

    def write(self, settings: dict | str) -> None:
        self.config.write_text(settings if isinstance(settings, str) else dump_toml(settings) + "\n")

    @property
    def pid(self) -> int:
        return self.process.pid

    def address(self, listener: str | None = None):
        """Where a listener (the first one) listens: (host, port) or a path."""
        entry = next(one for one in self.settings["listener"] if listener in (None, one["name"]))
        return parse_address(entry["address"])

    def client(self, listener: str | None = None, **options) -> RawClient:
        return RawClient(self.address(listener), **options)

    def admin(self, target: str) -> Message:
        with RawClient(parse_address(self.settings["admin"]["listen"])) as client:
            return client.ask(f"GET {target} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n")

    def is_ready(self) -> bool:
        try:
            return self.admin("/readyz").status == 200
        except (OSError, Closed, BadMessage):
            return False

    def wait_ready(self, timeout: float = 15) -> None:
        deadline = time.monotonic() + timeout * PATIENCE
        while not self.is_ready():
            code = self.process.poll()
            assert code is None, f"postern ended with {code} at start:\n{self.stderr()}"
            assert time.monotonic() < deadline, f"postern not ready after {timeout} s:\n{self.stderr()}"
            time.sleep(0.02)

    def stderr(self) -> str:
        return self.stderr_path.read_text(errors="replace")

    def stdout(self) -> str:
        return self.stdout_path.read_text(errors="replace")

    def wait_log(self, pattern: str, since: int = 0, timeout: float = 5) -> str:
        """Waits until the log (stderr) holds the pattern behind offset `since`; returns what stands there."""
        deadline = time.monotonic() + timeout * PATIENCE
        while not re.search(pattern, self.stderr()[since:]):
            assert time.monotonic() < deadline, f"no {pattern!r} in the log:\n{self.stderr()[since:]}"
            time.sleep(0.02)
        return self.stderr()[since:]

    def reload(self, settings: dict | str | None = None, result: str = "ok") -> str:
        """Writes new settings, sends SIGHUP, waits until the reload is counted as `result`; returns the log of it."""
        if settings is not None:
            if isinstance(settings, dict):
                self.settings = settings = self.complete(settings)
                self.watch.use(settings)
            self.write(settings)
        since, before = len(self.stderr()), self.total("postern_config_reloads_total", result=result)
        self.process.send_signal(signal.SIGHUP)
        self.wait_total("postern_config_reloads_total", before + 1, result=result)
        return self.stderr()[since:]

    def wait_total(self, name: str, at_least: float, timeout: float = 5, **labels: str) -> None:
        deadline = time.monotonic() + timeout * PATIENCE
        while (value := self.total(name, **labels)) < at_least:
            assert time.monotonic() < deadline, f"{name}{labels} is {value}, not {at_least}:\n{self.stderr()[-4000:]}"
            time.sleep(0.02)

    def metrics(self) -> dict[str, float]:
        """Every sample of /metrics; keys as written, with their labels."""
        answer = self.admin("/metrics")
        assert answer.status == 200, answer.head
        samples = {}
        for line in answer.body.decode().splitlines():
            if line and not line.startswith("#"):
                match = SAMPLE.match(line)
                assert match, f"not a sample: {line!r}"
                samples[match[1] + (match[2] or "")] = float(match[3])
        return samples

    def total(self, name: str, **labels: str) -> float:
        """The sum of a metric over all label sets that contain `labels`."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(
            value
            for key, value in self.metrics().items()
            if key.split("{")[0] == name and all(one in key for one in wanted)
        )

    def rss_kib(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.stopped = self.watch.ended = True

    def wait_exit(self, timeout: float = 10) -> int:
        try:
            code = self.process.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"postern did not end in {timeout} s:\n{self.stderr()}") from None
        self.stopped = self.watch.ended = True
        return code

    def stop(self) -> None:
        """SIGTERM, then: exit code 0 and no sanitizer report."""
        if self.stopped:
            return
        assert self.process.poll() is None, f"postern had died ({self.process.returncode}):\n{self.stderr()[-8000:]}"
        self.process.terminate()
        code = self.wait_exit(float(re.match(r"\d+", self.settings["shutdown"]["drain_timeout"])[0]) + 10)
        log = self.stderr()
        assert not SANITIZER.search(log), log[-20000:]
        assert code == 0, f"exit code {code}:\n{log[-8000:]}"


def parse_address(text: str):
    if text.startswith("unix:"):
        return text[len("unix:") :]
    host, port = text.rsplit(":", 1)
    return (host.strip("[]"), int(port))
