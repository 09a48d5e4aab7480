"""Tracing: contexts through to the origin, spans at a collector, and a collector that is no help."""

from __future__ import annotations

import re
import ssl
import time

import pytest

pytest.importorskip("opentelemetry.proto")

from harness.certs import Authority  # noqa: E402
from harness.client import PATIENCE  # noqa: E402
from harness.collector import Collector  # noqa: E402
from harness.origin import Origin  # noqa: E402
from harness.postern import free_port  # noqa: E402
from harness.settings import simple  # noqa: E402

SERVER, CLIENT = 2, 3
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
XRAY = "Root=1-5759e988-bd862e3fe1be46a994272793;Self=1-2-3"


@pytest.fixture
def origin():
    origin = Origin()
    yield origin
    origin.close()


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture
def traced(postern_with, origin):
    """A postern that trusts everybody's context; `otlp`, `trace`, `listener` and `route` are added to its config."""

    def start(otlp=None, trace=None, listener=None, route=None, **more):
        settings = simple(
            origin,
            listener={"trace_trust": "always", **(listener or {})},
            route=route,
            trace={"sample": "100%", **(trace or {})},
            **more,
        )
        if otlp:
            settings["trace"]["otlp"] = {"interval": "20ms", **otlp}
        return postern_with(**settings)

    return start


def ask(postern, origin, headers: str = "", target: str = "/t", **options):
    with postern.client() as client:
        answer = client.get(target, headers=headers, **options)
    return answer, origin.last(target)


@pytest.mark.concurrency
@pytest.mark.parametrize("encoding", ["protobuf", "json"])
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_spans_of_a_request(traced, origin, collector, encoding, compression):
    postern = traced(
        otlp={"endpoint": collector.url, "encoding": encoding, "compression": compression, "headers": {"x-key": "s3cret"}},
        trace={"service_name": "edge", "resource": {"environment": "test"}},
        route={"path": "/v1/models/{model}"},
    )
    target = "/v1/models/bert?key=hidden"
    answer, request = ask(postern, origin, f"traceparent: {TRACEPARENT}\r\ntracestate: a=1\r\nUser-Agent: me\r\n", target)
    assert answer.status == 200
    spans = {span.kind: span for span in collector.wait_spans(2)}
    server, client = spans[SERVER], spans[CLIENT]
    assert server.trace == client.trace == TRACE
    assert server.parent == PARENT and client.parent == server.id
    assert request.fields["traceparent"] == f"00-{TRACE}-{client.id}-01"
    assert request.fields["tracestate"] == "a=1" == server.state
    assert server.name == "GET /v1/models/{model}" and client.name == "GET"
    assert server.resource == {"service.name": "edge", "environment": "test"}
    expected = {
        "http.request.method": "GET",
        "http.route": "/v1/models/{model}",
        "url.path": "/v1/models/bert",
        "url.scheme": "http",
        "server.address": "a.test",
        "client.address": "127.0.0.1",
        "user_agent.original": "me",
        "postern.listener": "main",
        "postern.route": "all",
        "postern.upstream": "up",
        "postern.model": "bert",
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
    }
    assert {key: server.attributes[key] for key in expected} == expected
    assert client.attributes["server.address"] == origin.endpoint
    assert client.attributes["http.response.status_code"] == 200
    assert server.nanoseconds >= client.nanoseconds > 0
    assert server.status == client.status == 0
    taken = collector.requests[0]
    assert taken.path == "/v1/traces" and taken.headers["x-key"] == "s3cret"
    assert "hidden" not in str(collector.spans()) and "s3cret" not in postern.stderr()


def test_errors_and_tries(traced, collector, origin):
    dead = f"127.0.0.1:{free_port()}"
    postern = traced(otlp={"endpoint": collector.url}, upstream={"endpoints": [dead]})
    with postern.client() as client:
        answer = client.get("/")
    assert answer.status in (502, 503)
    spans = collector.wait_spans(2)
    server = next(span for span in spans if span.kind == SERVER)
    tries = [span for span in spans if span.kind == CLIENT]
    assert server.status == 2 and server.attributes["http.response.status_code"] == answer.status
    assert server.attributes["error.type"]
    assert tries and all(one.status == 2 and one.attributes["error.type"] == "refused" for one in tries)
    assert {one.parent for one in tries} == {server.id}


@pytest.mark.parametrize(
    ("headers", "trace", "parent", "sampled"),
    [
        (f"traceparent: {TRACEPARENT}", TRACE, PARENT, "01"),
        (f"traceparent: {TRACEPARENT[:-2]}00", TRACE, PARENT, "00"),
        (f"b3: {TRACE}-{PARENT}-1", TRACE, PARENT, "01"),
        (f"X-B3-TraceId: {TRACE[16:]}\r\nX-B3-SpanId: {PARENT}\r\nX-B3-Sampled: 0", "0" * 16 + TRACE[16:], PARENT, "00"),
        ("b3: 0", None, "", "00"),
        (f"X-Amzn-Trace-Id: {XRAY}", "5759e988bd862e3fe1be46a994272793", "", "01"),
        (f"X-Amzn-Trace-Id: {XRAY}\r\ntraceparent: {TRACEPARENT}", TRACE, PARENT, "01"),
        (f"traceparent: {TRACEPARENT}\r\ntraceparent: {TRACEPARENT}", None, "", "01"),
        ("traceparent: 00-x", None, "", "01"),
    ],
)
def test_contexts_that_come(traced, origin, collector, headers, trace, parent, sampled):
    postern = traced(otlp={"endpoint": collector.url}, trace={"inject": ["w3c", "b3", "b3-multi", "xray"]})
    _, request = ask(postern, origin, headers + "\r\nbaggage: k=v\r\n")
    sent = request.fields
    version, trace_id, span, flags = sent["traceparent"].split("-")
    assert version == "00" and flags == sampled
    assert trace_id == trace if trace else re.fullmatch("[0-9a-f]{32}", trace_id) and trace_id != TRACE
    assert sent["b3"] == f"{trace_id}-{span}-{sampled[1]}"
    assert sent["x-b3-traceid"] == trace_id and sent["x-b3-spanid"] == span and sent["x-b3-sampled"] == sampled[1]
    rest = ";Self=1-2-3" if XRAY in headers else ""
    assert sent["x-amzn-trace-id"] == f"Root=1-{trace_id[:8]}-{trace_id[8:]};Parent={span};Sampled={sampled[1]}{rest}"
    assert sent["baggage"] == "k=v"
    if sampled == "01":
        server = next(one for one in collector.wait_spans(2) if one.kind == SERVER)
        assert server.trace == trace_id and server.parent == parent


def test_untrusted_contexts_begin_anew(traced, origin, collector):
    postern = traced(otlp={"endpoint": collector.url}, listener={"trace_trust": "trusted"})
    headers = f"traceparent: {TRACEPARENT}\r\ntracestate: a=1\r\nbaggage: k=v\r\nb3: 0\r\n"
    _, request = ask(postern, origin, headers)
    assert TRACE not in request.fields["traceparent"]
    assert all(name not in request.fields for name in ("tracestate", "baggage", "b3"))
    server = next(one for one in collector.wait_spans(2) if one.kind == SERVER)
    assert server.parent == "" and server.links == [(TRACE, PARENT)]


def test_trusted_proxies_are_continued(traced, origin):
    postern = traced(listener={"trace_trust": "trusted", "trusted_proxies": ["127.0.0.0/8"]})
    _, request = ask(postern, origin, f"traceparent: {TRACEPARENT}\r\n")
    assert request.fields["traceparent"].startswith(f"00-{TRACE}-")


def test_without_trace_headers_pass_untouched(postern_with, origin):
    postern = postern_with(**simple(origin))
    odd = "traceparent: what-ever\r\ntracestate: A==\r\nb3: x\r\nX-Amzn-Trace-Id: y\r\nbaggage: z\r\n"
    _, request = ask(postern, origin, odd)
    assert request.fields["traceparent"] == "what-ever" and request.fields["b3"] == "x"
    assert request.fields["tracestate"] == "A==" and request.fields["x-amzn-trace-id"] == "y"


def test_sampling_of_roots_and_the_log(traced, origin, collector, tmp_path):
    log = tmp_path / "access.log"
    postern = traced(otlp={"endpoint": collector.url}, trace={"sample": "0%"}, access_log={"path": str(log)})
    _, request = ask(postern, origin)
    trace = request.fields["traceparent"].split("-")[1]
    assert request.fields["traceparent"].endswith("-00")
    _, request = ask(postern, origin, f"traceparent: {TRACEPARENT}\r\n", "/second")  # decided by the caller
    assert {span.trace for span in collector.wait_spans(2)} == {TRACE}
    assert Origin.wait_for(lambda: log.exists() and log.read_text().count("\n") >= 2)
    assert f'"trace_id":"{trace}"' in log.read_text() and f'"trace_id":"{TRACE}"' in log.read_text()


@pytest.mark.concurrency
def test_collector_down(traced, origin):
    postern = traced(otlp={"endpoint": f"http://127.0.0.1:{free_port()}/v1/traces", "queue": 64}, trace={"sample": "100%"})
    with postern.client() as client:
        started = time.monotonic()
        for _ in range(400):
            assert client.get("/t").status == 200
        assert time.monotonic() - started < 8 * PATIENCE
    postern.wait_total("postern_trace_spans_total", 1, result="dropped")
    assert postern.total("postern_trace_spans_total", result="exported") == 0
    postern.wait_total("postern_trace_exports_total", 1, result="retried")


def test_collector_hangs_and_the_end_comes_in_time(traced, origin):
    collector = Collector(script=lambda number: (200, {}, 30))
    postern = traced(otlp={"endpoint": collector.url})
    for _ in range(3):
        ask(postern, origin)
    assert Origin.wait_for(lambda: collector.requests)
    started = time.monotonic()
    postern.stop()
    assert time.monotonic() - started < 3 * PATIENCE
    collector.server.server_close()


def test_collector_asks_for_patience(traced, origin):
    collector = Collector(script=lambda number: (429, {"Retry-After": "1"}, 0) if number == 0 else None)
    postern = traced(otlp={"endpoint": collector.url})
    ask(postern, origin)
    assert Origin.wait_for(lambda: len(collector.requests) >= 2, 5 * PATIENCE)
    first, second = collector.requests[:2]
    assert second.at - first.at >= 0.99 and [one.id for one in first.spans] == [one.id for one in second.spans]
    postern.wait_total("postern_trace_spans_total", 2, result="exported")
    collector.close()


def test_what_is_left_goes_out_at_the_end(traced, origin, collector):
    postern = traced(otlp={"endpoint": collector.url, "interval": "60s"})
    ask(postern, origin)
    postern.stop()
    assert len(collector.spans()) == 2


def test_https_collector(traced, origin, tmp_path):
    authority = Authority(tmp_path / "ca")
    pair = authority.issue("collector", ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    collector = Collector(tls=context)
    postern = traced(otlp={"endpoint": collector.url, "tls": {"ca": str(authority.cert)}})
    ask(postern, origin)
    collector.wait_spans(2)
    stranger = Authority(tmp_path / "stranger")
    doubtful = traced(otlp={"endpoint": collector.url, "tls": {"ca": str(stranger.cert)}})
    ask(doubtful, origin, target="/doubt")
    doubtful.wait_total("postern_trace_exports_total", 1, result="retried")
    assert len(collector.spans()) == 2
    collector.close()


@pytest.mark.concurrency
def test_reload_turns_it_on_and_off(postern_with, origin, collector):
    settings = simple(origin, listener={"trace_trust": "always"})
    postern = postern_with(**settings)
    _, request = ask(postern, origin, target="/off")
    assert "traceparent" not in request.fields
    off = postern.settings
    on = {**off, "trace": {"sample": "100%", "otlp": {"endpoint": collector.url, "interval": "20ms"}}}
    postern.reload(on)
    _, request = ask(postern, origin, target="/on")
    assert request.fields["traceparent"]
    collector.wait_spans(2)
    postern.reload(off)
    _, request = ask(postern, origin, target="/off-again")
    assert "traceparent" not in request.fields


def test_server_timing(postern_with, origin):
    settings = simple(origin)
    settings["route"] = [
        {"name": "always", "path": "/always", "forward": "up", "server_timing": "always"},
        {"name": "asked", "path": "/asked", "forward": "up", "server_timing": "on-request"},
        {"name": "never", "path": "/never", "forward": "up"},
        {"name": "own", "path": "/own", "reply": {"body": "hi"}, "server_timing": "always"},
    ]
    postern = postern_with(**settings)
    form = re.compile(r"upstream;dur=\d+\.\d{3}, total;dur=\d+\.\d{3}")
    prefer = "Prefer: wait=5, Server-Timing\r\n"
    with postern.client() as client:
        assert form.fullmatch(client.get("/always").fields["server-timing"])
        assert form.fullmatch(client.get("/asked", headers=prefer).fields["server-timing"])
        assert "server-timing" not in client.get("/asked").fields
        assert "server-timing" not in client.get("/never", headers=prefer).fields
        assert re.fullmatch(r"total;dur=\d+\.\d{3}", client.get("/own").fields["server-timing"])


@pytest.mark.concurrency
def test_drift(postern_with, origin):
    """Fast for a while, then slow: a gauge and a line; then fast again: another line."""
    pause = [0.0]

    def answer(conn, request):
        time.sleep(pause[0])
        conn.answer()

    origin.default = answer
    drift = {"interval": "100ms", "fast": "200ms", "slow": "60s", "min_requests": 10}
    postern = postern_with(**simple(origin, route={"path": "/m/{model}"}, drift=drift))
    with postern.client() as client:

        def until(condition):
            deadline = time.monotonic() + 10 * PATIENCE
            while not condition():
                assert time.monotonic() < deadline, postern.admin("/metrics").body.decode()
                for _ in range(10):
                    assert client.get("/m/bert").status == 200

        for _ in range(200):
            client.get("/m/bert")
        gauge = {"upstream": "up", "model": "bert", "quantile": "0.5"}
        until(lambda: postern.total("postern_latency_drift_ratio", **gauge) > 0)
        pause[0] = 0.01
        until(lambda: "slower than it used to" in postern.stderr())
        assert postern.total("postern_latency_drift_ratio", **gauge) > 1.5
        pause[0] = 0.0
        until(lambda: "as fast as it used to" in postern.stderr())
    assert postern.stderr().count("than it used to") == 1
