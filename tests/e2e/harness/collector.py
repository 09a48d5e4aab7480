"""A trace collector: takes OTLP over HTTP, reads it with OpenTelemetry's own schema, and answers by script."""

from __future__ import annotations

import base64
import gzip
import json
import ssl
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse

from harness import leaks


@dataclass
class Span:
    name: str
    kind: int
    trace: str
    id: str
    parent: str
    status: int
    attributes: dict
    links: list[tuple[str, str]]
    state: str
    nanoseconds: int
    resource: dict


def value_of(value):
    return getattr(value, value.WhichOneof("value"))


def spans_of(request: ExportTraceServiceRequest) -> list[Span]:
    found = []
    for resource_spans in request.resource_spans:
        resource = {one.key: value_of(one.value) for one in resource_spans.resource.attributes}
        for scope in resource_spans.scope_spans:
            assert scope.scope.name == "postern"
            for span in scope.spans:
                assert len(span.trace_id) == 16 and len(span.span_id) == 8 and len(span.parent_span_id) in (0, 8)
                assert abs(span.start_time_unix_nano / 1e9 - time.time()) < 600
                assert span.end_time_unix_nano >= span.start_time_unix_nano
                found.append(
                    Span(
                        span.name,
                        span.kind,
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        span.status.code,
                        {one.key: value_of(one.value) for one in span.attributes},
                        [(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
                        span.trace_state,
                        span.end_time_unix_nano - span.start_time_unix_nano,
                        resource,
                    )
                )
    return found


def from_json(text: bytes) -> ExportTraceServiceRequest:
    """OTLP's JSON is protobuf's, but for ids: hexadecimal instead of base64."""
    document = json.loads(text)

    def recode(node):
        if isinstance(node, list):
            for one in node:
                recode(one)
        elif isinstance(node, dict):
            for key, value in node.items():
                if key in ("traceId", "spanId", "parentSpanId"):
                    node[key] = base64.b64encode(bytes.fromhex(value)).decode()
                else:
                    recode(value)

    recode(document)
    return json_format.ParseDict(document, ExportTraceServiceRequest())  # unknown fields are an error


@dataclass
class Taken:
    path: str
    headers: dict
    spans: list[Span] = field(default_factory=list)
    at: float = 0.0


class Collector:
    """`script(number)` says what the n-th request gets: (status, headers, seconds to wait); None: 200."""

    def __init__(self, tls: ssl.SSLContext | None = None, script=None, port: int = 0):
        self.requests: list[Taken] = []
        self.errors: list[str] = []
        self.lock = threading.Lock()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                collector.handle(self, script)

            def log_message(self, *unused):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.scheme = "https" if tls else "http"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/v1/traces"

    def handle(self, http, script) -> None:
        body = http.rfile.read(int(http.headers["Content-Length"]))
        if http.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        leaks.heard.extend(body)
        taken = Taken(http.path, {name.lower(): value for name, value in http.headers.items()}, at=time.monotonic())
        is_json = http.headers["Content-Type"] == "application/json"
        try:
            request = from_json(body) if is_json else ExportTraceServiceRequest.FromString(body)
            taken.spans = spans_of(request)
        except Exception as error:  # shown by the test, which would else only see that nothing came
            self.errors.append(repr(error))
        with self.lock:
            number = len(self.requests)
            self.requests.append(taken)
        status, headers, wait = (script(number) if script else None) or (200, {}, 0)
        time.sleep(wait)
        answer = b"{}" if is_json else ExportTraceServiceResponse().SerializeToString()
        try:
            http.send_response(status)
            for name, value in headers.items():
                http.send_header(name, value)
            http.send_header("Content-Length", str(len(answer)))
            http.end_headers()
            http.wfile.write(answer)
        except OSError:
            pass

    def spans(self) -> list[Span]:
        assert not self.errors, self.errors
        with self.lock:
            return [span for taken in self.requests for span in taken.spans]

    def wait_spans(self, count: int, wait: float = 8.0) -> list[Span]:
        deadline = time.monotonic() + wait
        while len(self.spans()) < count:
            assert time.monotonic() < deadline, self.spans()
            time.sleep(0.02)
        return self.spans()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
