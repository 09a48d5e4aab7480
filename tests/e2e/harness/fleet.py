"""Origins as processes of their own, so that they can be killed, frozen, and made to misbehave.

`python -m harness.fleet PORT LOG` serves HTTP/1.1 until its standard input ends. Lines on its input set the mode: "ok",
"error" (503), "slow SECONDS", "reset" (breaks each connection once a request is complete) and "sick" (only /health says
503). What is below /half/ gets half an answer and a reset. For every request that has arrived completely, one line
"ID METHOD PATH TIME" goes to LOG before anything is answered: what was delivered, and how often. METHOD is LATE for a GET
whose connection had been given up by the time that this process came to it.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from harness.postern import free_port


class Protocol(asyncio.Protocol):
    def __init__(self, server: "Server"):
        self.server, self.buffer = server, b""

    def connection_made(self, transport) -> None:
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            lines = self.buffer[:end].split(b"\r\n")
            fields = {}
            for line in lines[1:]:
                name, _, value = line.partition(b":")
                fields[name.lower()] = value.strip()
            size = end + 4 + int(fields.get(b"content-length", b"0"))
            if len(self.buffer) < size:
                return
            self.buffer = self.buffer[size:]
            method, path, _ = lines[0].split(b" ")
            self.server.serve(self.transport, method, path, fields.get(b"x-id", b"-"))


class Server:
    def __init__(self, port: int, log: str):
        self.name, self.mode, self.delay = b"%d" % port, "ok", 0.0
        self.log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def serve(self, transport, method: bytes, path: bytes, mark: bytes) -> None:
        late = method == b"GET" and self.is_given_up(transport)
        self.note(mark, b"LATE" if late else method, path)
        if self.mode == "reset":
            self.reset(transport)
            return
        failing = self.mode == "error" or (self.mode == "sick" and path == b"/health")
        status = b"503 Unavailable" if failing else b"200 OK"
        answer = b"HTTP/1.1 %s\r\nX-Origin: %s\r\nContent-Length: 5\r\n\r\nready" % (status, self.name)
        if path.startswith(b"/half/") and not failing:
            transport.write(answer[:-3])
            asyncio.get_running_loop().call_later(0.05, self.reset, transport)
        elif self.mode == "slow":
            asyncio.get_running_loop().call_later(self.delay, self.finish, transport, answer)
        else:
            self.finish(transport, answer)

    def note(self, mark: bytes, what: bytes, path: bytes) -> None:
        os.write(self.log, b"%s %s %s %.6f\n" % (mark, what, path, time.monotonic()))

    @staticmethod
    def is_given_up(transport) -> bool:
        if transport.is_closing():
            return True
        poll = select.poll()
        poll.register(transport.get_extra_info("socket").fileno(), select.POLLRDHUP)
        return bool(poll.poll(0))

    @staticmethod
    def reset(transport) -> None:
        if not transport.is_closing():
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        transport.abort()

    @staticmethod
    def finish(transport, answer: bytes) -> None:
        if not transport.is_closing():
            transport.write(answer)

    def listen_to(self, line: str) -> None:
        self.mode, _, delay = line.strip().partition(" ")
        self.delay = float(delay or 0)

    async def run(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        ended = loop.create_future()

        def command() -> None:
            data = os.read(0, 4096)
            if not data and not ended.done():
                ended.set_result(None)
            for line in data.decode().splitlines():
                self.listen_to(line)

        server = await loop.create_server(lambda: Protocol(self), "127.0.0.1", port, backlog=1024)
        loop.add_reader(0, command)
        print("ready", flush=True)
        await ended
        server.close()


class Member:
    """One origin process; killed, it can come back on the same port."""

    def __init__(self, folder: Path, port: int | None = None):
        self.port = port or free_port()
        self.endpoint = f"127.0.0.1:{self.port}"
        self.log = folder / f"origin-{self.port}.log"
        self.log.touch()
        self.frozen = False
        self.start(wait=False)

    def start(self, wait: bool = True) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "harness.fleet", str(self.port), str(self.log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[1],
        )
        if wait:
            self.wait()

    def wait(self) -> None:
        line = self.process.stdout.readline()
        assert line == b"ready\n", f"the origin on port {self.port} says {line!r}"

    def mode(self, text: str) -> None:
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.frozen = False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.frozen = False

    def close(self) -> None:
        if self.process.poll() is None:
            self.thaw()
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def deliveries(self) -> list[list[str]]:
        """[id, method, path, time] of everything that has arrived."""
        return [line.split() for line in self.log.read_text().splitlines()]

    def count(self, path: str) -> int:
        return sum(one[2] == path for one in self.deliveries())

    def wait_count(self, path: str, at_least: int, timeout: float = 10) -> None:
        deadline = time.monotonic() + timeout
        while (seen := self.count(path)) < at_least:
            assert time.monotonic() < deadline, f"{seen} requests for {path} reached {self.endpoint}, not {at_least}"
            time.sleep(0.02)


def make_fleet(folder: Path, size: int) -> list[Member]:
    members = [Member(folder) for _ in range(size)]
    for one in members:
        one.wait()
    return members


if __name__ == "__main__":
    asyncio.run(Server(int(sys.argv[1]), sys.argv[2]).run(int(sys.argv[1])))
