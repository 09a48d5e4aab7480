"""What bench/run measures: one Case per line of the matrix, and the targets that the project holds itself to."""

from dataclasses import dataclass

SMALL_BODY = 1024
LARGE_BODY = 1 << 20
PREDICT = "/v1/models/example:predict"
GRPC_REQUEST = GRPC_ANSWER = b"\0\0\0\0\x20" + b"\x0a\x1ehello, this is a small message"  # prefix and one message
EVENTS_PER_SECOND = 50  # of each stream of the SSE case


@dataclass(frozen=True)
class Case:
    """kind: wrk (requests), h2 (requests by h2load), sse (events), handshake (tlsload), idle (bytes per held
    connection), process (memory after start).
    port: which listener of the proxy: plain, tls, unix (plain in front of the origin's Unix socket), or one of WIRES,
    which an instance of its own has."""

    name: str
    title: str
    kind: str
    port: str = "plain"
    method: str = "GET"
    path: str = "/"
    body: int = 0
    connections: int = 64
    streams: int = 1  # requests at a time on each connection
    close: bool = False
    resume: bool = False

    @property
    def is_memory(self):
        return self.kind in ("idle", "process")

    @property
    def is_bulk(self):
        return self.name in ("up", "down")

    @property
    def is_grpc(self):
        return self.port == "grpc"

    @property
    def has_token(self):
        return self.port == "auth"

    @property
    def is_audited(self):
        return self.port in ("audit", "group")

    @property
    def wire(self):
        """The addition to the proxy's configuration that the case needs, if any."""
        return self.port if self.port in WIRES else ""

    @property
    def metric(self):
        return {"idle": "bytes_per_connection", "process": "rss_bytes"}.get(self.kind, "us_per_request")


WIRES = ("h2", "grpc", "sse", "log", "auth", "audit", "group")

CASES = [
    Case("get", "plain GET", "wrk"),
    Case("post", "plain POST 1 KB", "wrk", method="POST", path=PREDICT, body=SMALL_BODY),
    Case("post-log", "plain POST 1 KB, access log on", "wrk", port="log", method="POST", path=PREDICT, body=SMALL_BODY),
    Case("post-auth", "plain POST 1 KB, RS256 token, ACL and limit", "wrk", port="auth", method="POST", path=PREDICT,
         body=SMALL_BODY),
    Case("post-audit", "plain POST 1 KB, audit with intent", "wrk", port="audit", method="POST", path=PREDICT,
         body=SMALL_BODY),
    Case("post-group", "plain POST 1 KB, audit with intent, group commit", "wrk", port="group", method="POST",
         path=PREDICT, body=SMALL_BODY),
    Case("tls-post", "TLS POST 1 KB", "wrk", port="tls", method="POST", path=PREDICT, body=SMALL_BODY),
    Case("up", "1 MiB up", "wrk", method="POST", path="/upload", body=LARGE_BODY, connections=16),
    Case("down", "1 MiB down", "wrk", path=f"/bytes/{LARGE_BODY}", connections=16),
    Case("unix", "POST 1 KB, Unix-socket upstream", "wrk", port="unix", method="POST", path=PREDICT, body=SMALL_BODY),
    Case("h2-post", "HTTP/2 over TLS, POST 1 KB", "h2", port="h2", method="POST", path=PREDICT, body=SMALL_BODY,
         connections=32, streams=10),
    Case("grpc-unary", "gRPC unary calls, h2c on both sides", "h2", port="grpc", method="POST", path="/bench.Echo/Call",
         body=len(GRPC_REQUEST), connections=32, streams=10),
    Case("sse", f"server-sent events, {EVENTS_PER_SECOND}/s per stream", "sse", port="sse", path="/events",
         connections=1000),
    Case("connect", "new connection per request, GET", "wrk", close=True),
    Case("tls-full", "full TLS handshakes", "handshake", port="tls", connections=16),
    Case("tls-resumed", "resumed TLS handshakes", "handshake", port="tls", connections=16, resume=True),
    Case("idle-plain", "memory per idle connection, plain", "idle"),
    Case("idle-tls", "memory per idle connection, TLS", "idle", port="tls"),
    Case("process", "memory of the idle process", "process"),
]


@dataclass(frozen=True)
class Target:
    """postern's value of the metric is at most `limit` times that of `against`, or at most `limit` itself."""

    case: str
    against: str  # a proxy's name; several with commas: the least of them; or "" for an absolute limit
    limit: float
    metric: str = ""  # the case's own when empty
    baseline: str = ""  # a case: postern's figure there is what counts, not another proxy's


TARGETS = [
    Target("post", "nginx", 0.85),
    Target("post", "haproxy", 0.85),
    Target("post", "floor", 1.35),
    Target("post-log", "", 1.05, baseline="post"),
    Target("post-auth", "haproxy", 0.30),
    Target("post-auth", "", 1.10, baseline="post"),
    Target("post-audit", "", 1.10, baseline="post"),
    Target("post-group", "", 1.10, baseline="post"),
    Target("tls-post", "nginx", 0.90),
    Target("h2-post", "haproxy", 0.88),
    Target("h2-post", "nginx", 0.80),
    Target("sse", "nginx", 0.75),
    Target("sse", "haproxy", 0.75),
    Target("sse", "nginx,haproxy", 1.0, metric="added_p99_us"),
    Target("idle-plain", "", 2048),
    Target("idle-tls", "haproxy", 1.0),
    Target("process", "", 20e6),
]


def select(names):
    """The cases with these names (all when there are none), in the order of the matrix."""
    unknown = sorted(set(names) - {case.name for case in CASES})
    if unknown:
        raise ValueError(f"no such case: {', '.join(unknown)}; there are: {', '.join(c.name for c in CASES)}")
    return [case for case in CASES if not names or case.name in names]
