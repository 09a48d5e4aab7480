"""DNS for tests: a real server (dnsmasq) whose records change, and one of our own that answers as no server should.

Both serve the zone `test.` and listen on 127.0.0.1 with a port of their own.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

from harness.postern import free_port

A, CNAME, AAAA, SRV = 1, 5, 28, 33
DNSMASQ = shutil.which("dnsmasq", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/sbin")


def encode_name(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def srv(priority: int, weight: int, port: int, host: str) -> bytes:
    return struct.pack(">HHH", priority, weight, port) + encode_name(host)


class ScriptedDns:
    """Answers from `records`, {(name, type): [data]}, in a `mode`:

    right, servfail, refused, nxdomain, empty, silent, slow, truncated (whole over TCP only), garbage (noise, wrong ids
    and foreign answers, and nothing that is right), zero (0.0.0.0 and multicast).
    """

    def __init__(self, ttl: int = 1):
        self.records: dict[tuple[str, int], list[bytes]] = {}
        self.mode, self.ttl, self.delay = "right", ttl, 0.05
        self.asked: list[tuple[str, int, str]] = []
        while True:
            self.port = free_port()
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.tcp = socket.socket()
            self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                self.udp.bind(("127.0.0.1", self.port))
                self.tcp.bind(("127.0.0.1", self.port))
                break
            except OSError:
                self.close()
        self.tcp.listen(16)
        self.address = f"127.0.0.1:{self.port}"
        for loop in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=loop, daemon=True).start()

    def set_a(self, name: str, *addresses: str) -> None:
        self.records[name, A] = [socket.inet_aton(address) for address in addresses]

    def set_srv(self, name: str, *records: tuple[int, int, int, str]) -> None:
        self.records[name, SRV] = [srv(*one) for one in records]

    def close(self) -> None:
        for sock in (self.udp, self.tcp):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def _serve_udp(self) -> None:
        while True:
            try:
                query, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            if query:
                threading.Thread(target=self._answer_udp, args=(query, peer), daemon=True).start()

    def _answer_udp(self, query: bytes, peer) -> None:
        if self.mode == "slow":
            time.sleep(self.delay)
        try:
            for answer in self._answers(query, "udp"):
                self.udp.sendto(answer, peer)
        except OSError:
            pass

    def _serve_tcp(self) -> None:
        while True:
            try:
                conn, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._answer_tcp, args=(conn,), daemon=True).start()

    def _answer_tcp(self, conn: socket.socket) -> None:
        with conn:
            try:
                while True:
                    size = conn.recv(2, socket.MSG_WAITALL)
                    if len(size) < 2:
                        return
                    query = conn.recv(struct.unpack(">H", size)[0], socket.MSG_WAITALL)
                    for answer in self._answers(query, "tcp"):
                        conn.sendall(struct.pack(">H", len(answer)) + answer)
            except OSError:
                return

    def _answers(self, query: bytes, how: str) -> list[bytes]:
        end = query.index(b"\0", 12) + 5
        question = query[12:end]
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode("latin-1").lower())
            at += query[at] + 1
        kind = struct.unpack(">H", question[-4:-2])[0]
        name = ".".join(labels)
        self.asked.append((name, kind, how))
        identity = struct.unpack(">H", query[:2])[0]
        data = self.records.get((name, kind), [])
        exists = any(known == name for known, _ in self.records)

        def message(code: int = 0, records: list[bytes] = (), flags: int = 0x8580, ident: int = identity) -> bytes:
            head = struct.pack(">HHHHHH", ident, flags | code, 1, len(records), 0, 0)
            body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, self.ttl, len(d)) + d for d in records)
            return head + question + body

        mode = self.mode
        if mode == "silent":
            return []
        if mode in ("servfail", "refused", "nxdomain"):
            return [message({"servfail": 2, "refused": 5, "nxdomain": 3}[mode])]
        if mode == "empty":
            return [message()]
        if mode == "truncated" and how == "udp":
            return [message(0, data[:1], 0x8780)]
        if mode == "zero" and kind == A:
            return [message(0, [b"\0\0\0\0", socket.inet_aton("224.0.0.1"), b"\xff\xff\xff\xff"])]
        if mode == "garbage":
            foreign = [socket.inet_aton("127.0.0.99")]
            whole = message(0, foreign)
            return [
                random.randbytes(40),
                b"",
                query[:2],
                message(0, foreign, ident=identity ^ 1),
                whole[: len(whole) - 3],
                query,  # a question instead of an answer
            ]
        return [message(0 if exists else 3, data)]


class Dnsmasq:
    """dnsmasq with hosts that change (SIGHUP) and SRV records that are fixed at its start."""

    def __init__(self, folder: Path, srv_records: tuple[str, ...] = ()):
        self.hosts = folder / "hosts"
        self.srv_records = srv_records
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.hosts.write_text("")

    def start(self) -> "Dnsmasq":
        self.process = subprocess.Popen(
            [
                DNSMASQ,
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--log-facility=-",
                "--no-resolv",
                "--no-hosts",
                "--pid-file=",
                "--user=",
                "--group=",
                "--listen-address=127.0.0.1",
                "--bind-interfaces",
                f"--port={self.port}",
                f"--addn-hosts={self.hosts}",
                "--local=/test/",
                "--local-ttl=1",
                *(f"--srv-host={one}" for one in self.srv_records),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        probe = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + encode_name("probe.test") + struct.pack(">HH", A, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.1)
            for _ in range(100):
                sock.sendto(probe, ("127.0.0.1", self.port))
                try:
                    sock.recv(512)
                    return self
                except OSError:
                    assert self.process.poll() is None, "dnsmasq did not start"
                    time.sleep(0.02)
        raise AssertionError("dnsmasq does not answer")

    def set(self, name: str, *addresses: str) -> None:
        self.hosts.write_text("".join(f"{address} {name}\n" for address in addresses))
        if getattr(self, "process", None):
            self.process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        if getattr(self, "process", None) and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
