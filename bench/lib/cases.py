"""What bench/run measures: one Case per line of the matrix, and the targets that the project holds itself to."""

from dataclasses import dataclass

SMALL_BODY = 1024
LARGE_BODY = 1 << 20
PREDICT = "/v1/models/example:predict"


@dataclass(frozen=True)
class Case:
    """kind: wrk (requests), handshake (tlsload), idle (bytes per held connection), process (memory after start).
    port: which listener of the proxy: plain, tls, or unix (plain in front of the origin's Unix socket)."""

    name: str
    title: str
    kind: str
    port: str = "plain"
    method: str = "GET"
    path: str = "/"
    body: int = 0
    connections: int = 64
    close: bool = False
    resume: bool = False

    @property
    def is_memory(self):
        return self.kind in ("idle", "process")

    @property
    def is_bulk(self):
        return self.name in ("up", "down")

    @property
    def metric(self):
        return {"idle": "bytes_per_connection", "process": "rss_bytes"}.get(self.kind, "us_per_request")


CASES = [
    Case("get", "plain GET", "wrk"),
    Case("post", "plain POST 1 KB", "wrk", method="POST", path=PREDICT, body=SMALL_BODY),
    Case("tls-post", "TLS POST 1 KB", "wrk", port="tls", method="POST", path=PREDICT, body=SMALL_BODY),
    Case("up", "1 MiB up", "wrk", method="POST", path="/upload", body=LARGE_BODY, connections=16),
    Case("down", "1 MiB down", "wrk", path=f"/bytes/{LARGE_BODY}", connections=16),
    Case("unix", "POST 1 KB, Unix-socket upstream", "wrk", port="unix", method="POST", path=PREDICT, body=SMALL_BODY),
    Case("connect", "new connection per request, GET", "wrk", close=True),
    Case("tls-full", "full TLS handshakes", "handshake", port="tls", connections=16),
    Case("tls-resumed", "resumed TLS handshakes", "handshake", port="tls", connections=16, resume=True),
    Case("idle-plain", "memory per idle connection, plain", "idle"),
    Case("idle-tls", "memory per idle connection, TLS", "idle", port="tls"),
    Case("process", "memory of the idle process", "process"),
]


@dataclass(frozen=True)
class Target:
    """postern's value of the case's metric is at most `limit` times that of `against`, or at most `limit` itself."""

    case: str
    against: str  # a proxy's name, or "" for an absolute limit
    limit: float


TARGETS = [
    Target("post", "nginx", 0.85),
    Target("post", "haproxy", 0.85),
    Target("post", "floor", 1.35),
    Target("tls-post", "nginx", 0.90),
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
