"""What operators see: metrics, health, readiness, the access log."""

from __future__ import annotations

import json
import re
import time

import pytest

from harness.client import PATIENCE
from harness.settings import simple

REPLY = {"name": "r", "path": "/*", "reply": {"status": 200, "body": "hi"}}
COMMON = re.compile(r'(\S+) - (\S+) \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "([^"]*)" (\d{3}) (\d+|-)')


@pytest.fixture
def logged(postern_with, tmp_path):
    """A postern with an access log, and a function that returns its lines once there are enough."""

    def start(form: str = "json", **more):
        path = tmp_path / f"access-{form}.log"
        postern = postern_with(
            listener=[{"name": "main"}], route=[REPLY], access_log={"path": str(path), "format": form}, **more
        )

        def lines(count: int) -> list[str]:
            deadline = time.monotonic() + 5 * PATIENCE
            while not path.exists() or path.read_bytes().count(b"\n") < count:
                assert time.monotonic() < deadline, path.read_text() if path.exists() else "no log file"
                time.sleep(0.02)
            return path.read_bytes().decode("ascii").splitlines()

        return postern, lines

    return start


def test_metrics_page(site):
    answer = site.postern.admin("/metrics")
    assert answer.status == 200 and answer.fields["content-type"].startswith("text/plain")
    types, seen = {}, set()
    for line in answer.body.decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in types, f"{name} stands there twice"
            types[name] = kind
        elif line and not line.startswith("#"):
            key = line.rsplit(" ", 1)[0]
            assert key not in seen, f"{key} stands there twice"
            seen.add(key)
            name = key.split("{")[0]
            family = name if name in types else re.sub(r"_(bucket|sum|count)$", "", name)
            assert family in types, f"{name} has no TYPE"
            assert name.startswith("postern_") or name.startswith("process_")
            if types[family] == "counter":
                assert name.endswith("_total")
    assert "postern_requests_total" in types and "postern_connections_open" in types


def test_requests_are_counted_by_route_and_class(site):
    before = site.postern.total("postern_requests_total", route="local")
    refused = site.postern.total("postern_requests_total")
    with site.client() as client:
        for _ in range(7):
            client.get("/local")
    site.postern.wait_total("postern_requests_total", before + 7, route="local")
    assert site.postern.total("postern_requests_total", route="local") == before + 7
    with site.client() as client:
        client.send("GET / HTTP/1.1\r\n\r\n").read()
    site.postern.wait_total("postern_requests_total", refused + 8)  # a refused request counts as well


def test_counts_of_all_workers_are_merged(postern_with):
    postern = postern_with(workers=2, listener=[{"name": "main"}], route=[REPLY])
    for _ in range(40):
        with postern.client() as client:
            assert client.get("/").status == 200
    postern.wait_total("postern_requests_total", 40)
    assert postern.total("postern_requests_total") == 40
    assert postern.total("postern_connections_total") == 40


def test_open_connections_are_a_gauge(site):
    def settled(expected: int) -> bool:
        deadline = time.monotonic() + 5 * PATIENCE
        while site.postern.total("postern_connections_open", listener="loose") != expected:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    clients = [site.client("loose") for _ in range(5)]
    for client in clients:
        assert client.get("/local").status == 200
    assert settled(5)
    for client in clients:
        client.close()
    assert settled(0)


def test_health_and_readiness(site):
    assert site.postern.admin("/healthz").status == 200 and site.postern.admin("/readyz").status == 200
    assert site.postern.admin("/nowhere").status == 404


def test_admin_is_not_on_the_public_listener(postern_with):
    postern = postern_with(listener=[{"name": "main"}], route=[{"name": "r", "path": "/x", "reply": {"status": 200}}])
    with postern.client() as client:
        for target in ("/metrics", "/healthz", "/readyz"):
            assert client.get(target).status == 404


def test_json_access_log(logged):
    postern, lines = logged()
    with postern.client() as client:
        answers = [
            client.get("/one?q=1", headers='User-Agent: te"st\\\r\nReferer: http://r.test/\r\n'),
            client.post("/two", b"hello"),
            client.get("/three", method="HEAD"),
        ]
        bad = client.ask("GET /bad HTTP/1.1\r\nHost: a.test\r\nBad Field: x\r\n\r\n")
    entries = [json.loads(line) for line in lines(4)]
    assert [(one["method"], one["target"], one["status"]) for one in entries[:3]] == [
        ("GET", "/one?q=1", 200),
        ("POST", "/two", 200),
        ("HEAD", "/three", 200),
    ]
    assert entries[0]["user_agent"] == 'te"st\\' and entries[0]["host"] == "a.test" and entries[0]["route"] == "r"
    assert entries[0]["client"] == "127.0.0.1" and entries[0]["bytes_out"] == 2
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", one["time"]) for one in entries)
    assert len({one["request_id"] for one in entries}) == 4
    assert (
        entries[3]["status"] == 400 and entries[3]["error"] and entries[3]["request_id"] == bad.fields["x-request-id"]
    )
    for answer, entry in zip(answers, entries):
        assert answer.fields.get("x-request-id", entry["request_id"]) == entry["request_id"]


def test_access_log_of_a_forwarded_request(postern_with, make_origin, tmp_path):
    """Which upstream and endpoint, how long it took, how many bytes each way."""
    path, origin = tmp_path / "access.log", make_origin()
    postern = postern_with(simple(origin, access_log={"path": str(path)}))
    with postern.client() as client:
        client.post("/x", b"hello")
    assert origin.wait_for(lambda: path.read_text().count("\n"), 5 * PATIENCE)
    entry = json.loads(path.read_text())
    assert (entry["route"], entry["upstream"], entry["endpoint"]) == ("all", "up", origin.endpoint)
    assert (entry["bytes_in"], entry["bytes_out"], entry["status"]) == (5, 2, 200)
    assert 0 <= entry["upstream_ms"] <= entry["duration_ms"]


@pytest.mark.parametrize("form", ["common", "combined"])
def test_common_log_format(logged, form):
    postern, lines = logged(form)
    with postern.client() as client:
        client.get("/one?q=1", headers="User-Agent: test agent\r\n")
        client.get("/two", method="HEAD")
    found = [COMMON.match(line) for line in lines(2)]
    assert all(found), lines(2)
    assert (found[0][1], found[0][3], found[0][4], found[0][5]) == ("127.0.0.1", "GET /one?q=1 HTTP/1.1", "200", "2")
    if form == "combined":
        assert lines(2)[0].endswith('"-" "test agent"')
    else:
        assert found[0].end() == len(lines(2)[0])


@pytest.mark.parametrize("form", ["json", "combined"])
def test_d14_log_injection(logged, form):
    """Nothing that a client writes starts a line, ends a field, or reaches a terminal as an escape sequence."""
    postern, lines = logged(form)
    hostile = [
        b'GET /%0d%0a127.0.0.1%20-%20-%20[x]%20%22GET HTTP/1.1\r\nHost: a.test\r\nUser-Agent: a" 200 1 "b\\"\r\n\r\n',
        b"GET /utf8 HTTP/1.1\r\nHost: a.test\r\nUser-Agent: \xe2\x80\xa8\xc2\x9b31m\xff\xc2\x85\r\n\r\n",
        b'GET /tab HTTP/1.1\r\nHost: a.test\r\nReferer: x\ty\r\nUser-Agent: {"status":200}\r\n\r\n',
        b"GET /esc\x1b[31m HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"G\x00T\x7f / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.test\r\nUser-Agent: x\x1b]0;title\x07\r\n\r\n",
        b"GET /\xff\n\nGET /fake HTTP/1.1\r\n\r\n",
    ]
    for data in hostile:
        with postern.client() as client:
            client.ask(data)
    found = lines(len(hostile))
    assert len(found) == len(hostile)
    for line in found:
        assert all(0x20 <= ord(char) < 0x7F for char in line), line
        if form == "json":
            json.loads(line)
        else:
            assert COMMON.match(line), line
            assert re.fullmatch(r'"(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*"', line[COMMON.match(line).end() :].strip()), line


def test_access_log_to_stdout(postern_with):
    postern = postern_with(listener=[{"name": "main"}], route=[REPLY], access_log={"path": "stdout"})
    with postern.client() as client:
        client.get("/out")
    postern.stop()
    assert [json.loads(line)["target"] for line in postern.stdout().splitlines()] == ["/out"]


def test_log_lines_are_not_lost_at_the_end(logged):
    postern, lines = logged()
    with postern.client() as client:
        for number in range(300):
            client.get(f"/{number}")
    postern.stop()
    assert len(lines(300)) == 300


def test_d16_full_disk_does_not_stop_requests(postern_with):
    postern = postern_with(listener=[{"name": "main"}], route=[REPLY], access_log={"path": "/dev/full"})
    with postern.client() as client:
        for _ in range(50):
            assert client.get("/").status == 200
    postern.wait_total("postern_access_log_blocked", 1)  # they wait; test_logs.py has what becomes of them
