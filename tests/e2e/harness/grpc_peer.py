"""A real gRPC server and client (grpcio), with bytes for messages, so that no compiler of .proto files is needed.

The server runs in a process of its own: grpcio's threads and ours keep out of each other's way, and it can be killed.
`python -m harness.grpc_peer PORT [--health] [CERT KEY]` serves until its standard input ends; it prints a line for what
happens. With --health it has grpc.health.v1.Health as well, and lines "SERVICE STATUS" on its input say what that
answers ("-" is the server as a whole).
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent import futures
from pathlib import Path

import grpc

OPTIONS = [
    ("grpc.max_receive_message_length", 16 << 20),
    ("grpc.max_send_message_length", 16 << 20),
    ("grpc.so_reuseport", 0),
]
#: google.rpc.Status{code: 9, message: "details"}, as grpc-status-details-bin carries it.
DETAILS = b"\x08\x09\x12\x07details"


def say(*words) -> None:
    print(*words, f"{time.monotonic():.6f}", flush=True)


def watch(context, name: str) -> None:
    """Tells when the call ended, and whether the client gave it up."""
    context.add_callback(lambda: say("ended", name, "active" if context.is_active() else "inactive"))


class Service:
    """Methods of /test.Echo/..."""

    name_of_server = b""

    def name(self, request: bytes, context) -> bytes:
        return self.name_of_server

    def unary(self, request: bytes, context) -> bytes:
        back = [(f"x-back-{key[2:]}", value) for key, value in context.invocation_metadata() if key.startswith("x-")]
        context.set_trailing_metadata((*back, ("x-bin-bin", b"\0\1\xff")))
        context.send_initial_metadata((("x-initial", "yes"),))
        return request

    def fail(self, request: bytes, context) -> bytes:
        """Trailers only: no message, no initial metadata."""
        context.set_trailing_metadata((("grpc-status-details-bin", DETAILS), ("x-why", "asked")))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "nope: ünïcode %")

    def sleep(self, request: bytes, context) -> bytes:
        watch(context, "sleep")
        say("began sleep")
        time.sleep(float(request))
        return b"awake"

    def hang(self, request: bytes, context):
        """A stream that sends one message and then waits until the client leaves."""
        gone = threading.Event()

        def left() -> None:  # not behind the wait: a call that is cancelled early is never resumed
            say("ended hang")
            gone.set()

        context.add_callback(left)
        yield b"first"
        gone.wait(10)

    def count(self, request: bytes, context):
        for number in range(int(request)):
            yield b"%d" % number

    def pace(self, request: bytes, context):
        count, gap = request.split()
        for number in range(int(count)):
            yield b"%d %f" % (number, time.monotonic())
            time.sleep(float(gap))

    def half(self, request: bytes, context):
        """Some messages, then an error: the messages arrive, and then the status."""
        yield b"one"
        yield b"two"
        context.abort(grpc.StatusCode.DATA_LOSS, "lost")

    def total(self, requests, context) -> bytes:
        return b"%d" % sum(len(one) for one in requests)

    def mirror(self, requests, context):
        yield from requests


def handlers(service: Service):
    unary, stream = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
    table = {
        "Unary": unary(service.unary),
        "Name": unary(service.name),
        "Fail": unary(service.fail),
        "Sleep": unary(service.sleep),
        "Hang": stream(service.hang),
        "Count": stream(service.count),
        "Pace": stream(service.pace),
        "Half": stream(service.half),
        "Total": grpc.stream_unary_rpc_method_handler(service.total),
        "Mirror": grpc.stream_stream_rpc_method_handler(service.mirror),
    }
    return grpc.method_handlers_generic_handler("test.Echo", table)


class Health:
    """grpc.health.v1.Health: what the official servicer does, without its generated code."""

    SERVING, NOT_SERVING = 1, 2

    def __init__(self):
        self.status = {"": self.SERVING}

    def check(self, request: bytes, context) -> bytes:
        service = request[2:].decode()  # field 1, a length of one byte
        if service not in self.status:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return bytes([8, self.status[service]])

    def handlers(self):
        table = {"Check": grpc.unary_unary_rpc_method_handler(self.check)}
        return grpc.method_handlers_generic_handler("grpc.health.v1.Health", table)


def serve(port: int, *options: str) -> None:
    server = grpc.server(futures.ThreadPoolExecutor(32), options=OPTIONS)
    service, health = Service(), Health()
    service.name_of_server = b"%d" % port
    server.add_generic_rpc_handlers((handlers(service),))
    if "--health" in options:
        server.add_generic_rpc_handlers((health.handlers(),))
    cert, key = [option for option in options if option != "--health"] or (None, None)
    if cert:
        pair = (Path(key).read_bytes(), Path(cert).read_bytes())
        server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials([pair]))
    else:
        server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    say("ready")
    for line in sys.stdin:
        name, status = line.split()
        health.status["" if name == "-" else name] = int(status)
    server.stop(0)


class Server:
    """That server as a child process."""

    def __init__(self, port: int, pair=None, health: bool = False):
        arguments = [sys.executable, "-m", "harness.grpc_peer", str(port)]
        if health:
            arguments += ["--health"]
        if pair is not None:
            arguments += [str(pair.cert), str(pair.key)]
        self.port, self.endpoint = port, f"127.0.0.1:{port}"
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
        )
        self.lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()
        self.wait_line("ready", timeout=30)

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.append(line.strip())

    def wait_line(self, start: str, since: int = 0, timeout: float = 5) -> float:
        """The time that the child noted for the first such line (CLOCK_MONOTONIC, the same for all processes)."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for line in self.lines[since:]:
                if line.startswith(start):
                    return float(line.split()[-1])
            assert self.process.poll() is None, "the gRPC server has ended"
            time.sleep(0.001)
        raise AssertionError(f"no {start!r} in {self.lines[since:]}")

    def set_health(self, status: int, service: str = "-") -> None:
        self.process.stdin.write(f"{service} {status}\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()


class Client:
    """A channel with the methods of the service; messages are bytes."""

    def __init__(self, address: tuple[str, int], root: Path | None = None):
        target = f"{address[0]}:{address[1]}"
        # A subchannel of its own: channels to one address share a connection otherwise.
        options = [*OPTIONS, ("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
        if root is None:
            self.channel = grpc.insecure_channel(target, options)
        else:
            options.append(("grpc.ssl_target_name_override", "a.test"))
            self.channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(root.read_bytes()), options)
        one = self.channel
        self.unary = one.unary_unary("/test.Echo/Unary")
        self.name = one.unary_unary("/test.Echo/Name")
        self.fail = one.unary_unary("/test.Echo/Fail")
        self.sleep = one.unary_unary("/test.Echo/Sleep")
        self.hang = one.unary_stream("/test.Echo/Hang")
        self.count = one.unary_stream("/test.Echo/Count")
        self.pace = one.unary_stream("/test.Echo/Pace")
        self.half = one.unary_stream("/test.Echo/Half")
        self.total = one.stream_unary("/test.Echo/Total")
        self.mirror = one.stream_stream("/test.Echo/Mirror")

    def method(self, path: str):
        return self.channel.unary_unary(path)

    def close(self) -> None:
        self.channel.close()


if __name__ == "__main__":
    serve(int(sys.argv[1]), *sys.argv[2:])
