"""rsyslogd as the other end of syslog: UDP, TCP and a Unix socket of its own, everything into one file."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from harness import leaks
from harness.client import PATIENCE
from harness.postern import free_port

PROGRAM = shutil.which("rsyslogd") or ("/usr/sbin/rsyslogd" if Path("/usr/sbin/rsyslogd").exists() else None)

CONFIG = """
global(workDirectory="{folder}" maxMessageSize="64k")
module(load="imudp") module(load="imtcp")
module(load="imuxsock" SysSock.Use="off")
input(type="imudp" address="127.0.0.1" port="{udp}")
input(type="imtcp" address="127.0.0.1" port="{tcp}")
input(type="imuxsock" socket="{socket}" useSpecialParser="off" parseHostname="on" rateLimit.interval="0")
template(name="all" type="string" string="%pri-text% %protocol-version% %app-name% %procid% %msgid% %msg:::drop-last-lf%\\n")
action(type="omfile" file="{output}" template="all" asyncWriting="off" flushOnTXEnd="on")
"""


class Rsyslog:
    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.udp, self.tcp = free_port(), free_port()
        self.socket, self.output, self.config = folder / "log.sock", folder / "received", folder / "rsyslog.conf"
        self.config.write_text(
            CONFIG.format(folder=folder, udp=self.udp, tcp=self.tcp, socket=self.socket, output=self.output)
        )
        self.watch = leaks.Watch({}, self.output)
        self.start()

    def start(self) -> None:
        self.watch.ended = False
        self.process = subprocess.Popen(
            [PROGRAM, "-n", "-f", str(self.config), "-i", str(self.folder / "pid")],
            stdout=(self.folder / "stdout").open("wb"),
            stderr=subprocess.STDOUT,
        )
        self.wait(self.socket.exists)

    def wait(self, done) -> None:
        deadline = time.monotonic() + 10 * PATIENCE
        while not done():
            assert self.process.poll() is None, (self.folder / "stdout").read_text()
            assert time.monotonic() < deadline, self.lines()[-5:]
            time.sleep(0.02)

    def lines(self) -> list[str]:
        return self.output.read_text().splitlines() if self.output.exists() else []

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10 * PATIENCE)
        self.watch.ended = True
