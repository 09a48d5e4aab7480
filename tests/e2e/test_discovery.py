"""Endpoints that come and go: DNS (a real server, and one that answers as no server should), SRV, a watched file.

Origins stand on 127.0.0.1x, all with one port. Whatever happens to the source, no request may fail.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter

import pytest

from harness.client import PATIENCE, Closed
from harness.dns import DNSMASQ, Dnsmasq, ScriptedDns
from harness.origin import Origin
from harness.postern import free_port, run_cli
from harness.settings import simple

#: With the default balancer one that was slow once would be left out for longer than these tests look.
TURNS = {"kind": "round_robin"}
QUICK = {"min_ttl": "100ms", "max_ttl": "200ms", "refresh": "200ms", "timeout": "300ms"}


class Load:
    """Clients that ask all the time, over kept connections; what is not a 200 is a failure."""

    def __init__(self, postern, clients: int = 4):
        self.postern, self.failures, self.answers, self.ended = postern, [], Counter(), False
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _run(self) -> None:
        try:
            with self.postern.client() as client:
                while not self.ended:
                    answer = client.get("/x")
                    if answer.status != 200:
                        self.failures.append((answer.status, answer.body[:200]))
                    else:
                        self.answers[answer.fields.get("x-origin")] += 1
                    time.sleep(0.002)
        except (OSError, Closed) as e:
            self.failures.append(repr(e))

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *unused) -> None:
        self.ended = True
        for thread in self.threads:
            thread.join(10 * PATIENCE)

    def wait_for_only(self, *names: str, timeout: float = 8) -> None:
        """Returns when for a quarter of a second nobody but these has answered, and each of them has."""
        deadline = time.monotonic() + timeout * PATIENCE
        while True:
            before = Counter(self.answers)
            time.sleep(0.25)
            seen = {name for name, count in (self.answers - before).items() if count}
            if seen == set(names):
                return
            assert time.monotonic() < deadline, f"answers come from {seen}, not {names}: {self.postern.stderr()[-3000:]}"

    def check(self, least: int = 50) -> None:
        assert not self.failures, self.failures[:5]
        assert sum(self.answers.values()) >= least


@pytest.fixture
def origins():
    """Three of them, by the last number of their address."""
    while True:
        port, made = free_port(), []
        try:
            for number in (11, 12, 13):
                made.append(Origin(f"o{number}", host=f"127.0.0.{number}", port=port))
            break
        except OSError:
            for one in made:
                one.close()
    yield {number: one for number, one in zip((11, 12, 13), made)}
    for one in made:
        one.close()
        assert not one.violations, one.violations[:5]


@pytest.fixture
def dns():
    one = ScriptedDns()
    yield one
    one.close()


@pytest.fixture
def dnsmasq(tmp_path):
    assert DNSMASQ, "dnsmasq is not installed; scripts/test installs dnsmasq-base"
    one = Dnsmasq(tmp_path)
    yield one
    one.kill()


def port_of(origins) -> int:
    return origins[11].port


def settings_for(dns, origins, **discovery) -> dict:
    found = {"kind": "dns", "name": f"m.test:{port_of(origins)}", "servers": [dns.address], **QUICK, **discovery}
    return simple("", upstream={"balance": TURNS, "endpoints": [], "discovery": found})


def wait_until(condition, timeout: float = 5) -> None:
    deadline = time.monotonic() + timeout * PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_concurrency_answers_that_change_and_a_server_that_dies_cost_no_request(postern_with, origins, dnsmasq):
    """A real server, its answers another one each time, reloads in between; then it is killed, and comes back."""
    dnsmasq.set("m.test", "127.0.0.11")
    dnsmasq.start()
    postern = postern_with(settings_for(dnsmasq, origins, max_ttl="1s"))
    with Load(postern) as load:
        load.wait_for_only("o11")
        for numbers in ([12], [11, 13], [12, 13], [11]):
            dnsmasq.set("m.test", *(f"127.0.0.{n}" for n in numbers))
            load.wait_for_only(*(f"o{n}" for n in numbers))
            postern.reload()
        # Nobody is connected any more to those that are gone, apart from what has just ended.
        wait_until(lambda: origins[12].open_connections() == 0 and origins[13].open_connections() == 0)
        dnsmasq.kill()
        postern.wait_log("last good ones stay")
        origins[12].close()  # nobody knows it any more
        time.sleep(0.5)
        postern.reload()
        load.wait_for_only("o11")
        assert postern.total("postern_upstream_endpoints", upstream="up") == 1
        assert postern.total("postern_upstream_discovery_total", upstream="up", result="failed") > 0
        assert 0.3 < postern.total("postern_upstream_discovery_age_seconds", upstream="up") < 60
        dnsmasq.set("m.test", "127.0.0.13")
        dnsmasq.start()
        load.wait_for_only("o13")
        postern.wait_log("endpoints found again")
    load.check()


def test_no_bad_answer_changes_anything(postern_with, origins, dns):
    dns.set_a("m.test", "127.0.0.11", "127.0.0.12")
    postern = postern_with(settings_for(dns, origins))
    with Load(postern) as load:
        load.wait_for_only("o11", "o12")
        for mode in ("servfail", "refused", "nxdomain", "empty", "silent", "garbage", "zero"):
            before = postern.total("postern_upstream_discovery_total", upstream="up", result="ok")
            looks = postern.total("postern_upstream_discovery_total", upstream="up")
            dns.mode = mode
            postern.wait_total("postern_upstream_discovery_total", looks + 1, upstream="up")
            load.wait_for_only("o11", "o12")
            assert postern.total("postern_upstream_discovery_total", upstream="up", result="ok") <= before + 1, mode
            dns.mode = "right"
            postern.wait_total("postern_upstream_discovery_total", before + 1, upstream="up", result="ok")
        assert postern.total("postern_upstream_endpoints", upstream="up") == 2
        dns.set_a("m.test", "127.0.0.13")
        dns.mode = "truncated"  # the whole answer comes over TCP
        load.wait_for_only("o13")
        assert any(how == "tcp" for _, _, how in dns.asked)
        dns.set_a("m.test", "127.0.0.11")
        dns.mode = "slow"
        load.wait_for_only("o11")
    load.check()


def test_starts_without_dns_and_serves_when_it_answers(postern_with, origins, dns):
    dns.mode = "silent"
    started = time.monotonic()
    postern = postern_with(settings_for(dns, origins))
    assert time.monotonic() - started < 4 * PATIENCE
    postern.wait_log("no endpoints yet")
    with postern.client() as client:
        answer = client.get("/x")
        assert answer.status == 503 and postern.total("postern_request_errors_total", reason="no_endpoint") == 1
        dns.set_a("m.test", "127.0.0.11")
        dns.mode = "right"
        wait_until(lambda: client.get("/x").status == 200, timeout=12)


def test_names_among_endpoints_are_followed_and_a_changed_list_leaves_no_gap(postern_with, origins, dns):
    dns.set_a("m.test", "127.0.0.11")
    dns.set_a("n.test", "127.0.0.12")
    port = port_of(origins)
    discovery = {"servers": [dns.address], **QUICK}
    postern = postern_with(simple("", upstream={"balance": TURNS, "endpoints": [f"m.test:{port}"], "discovery": discovery}))

    def reload_with(*names: str) -> None:
        upstream = {**postern.settings["upstream"][0], "endpoints": list(names)}
        postern.reload({**postern.settings, "upstream": [upstream]})

    with Load(postern) as load:
        load.wait_for_only("o11")
        dns.mode = "slow"
        reload_with(f"n.test:{port}", f"127.0.0.13:{port}")
        load.wait_for_only("o12", "o13")
        dns.mode = "silent"  # what is known stays known, whatever else is wanted
        reload_with(f"n.test:{port}", f"o.test:{port}", f"127.0.0.13:{port}")
        load.wait_for_only("o12", "o13")
        reload_with(f"127.0.0.11:{port}")
        load.wait_for_only("o11")
        assert postern.total("postern_upstream_endpoints", upstream="up") == 1
    load.check()


def test_srv_priorities_hosts_and_ports(postern_with, origins, dns):
    port = port_of(origins)
    for number in (11, 12, 13):
        dns.set_a(f"h{number}.test", f"127.0.0.{number}")
    dns.set_srv("_http._tcp.m.test", (1, 1, port, "h11.test"), (1, 1, port, "h12.test"), (2, 1, port, "h13.test"))
    found = {"kind": "srv", "name": "_http._tcp.m.test", "servers": [dns.address], **QUICK}
    postern = postern_with(simple("", upstream={"balance": TURNS, "endpoints": [], "discovery": found}))
    with Load(postern) as load:
        load.wait_for_only("o11", "o12")  # the second priority has nothing to do
        dns.set_srv("_http._tcp.m.test", (7, 0, port, "h13.test"), (9, 1, port, "h11.test"))
        load.wait_for_only("o13")
        dns.set_srv("_http._tcp.m.test", (0, 0, 0, ""))  # "decidedly not available": not believed
        time.sleep(0.5)
        dns.set_srv("_http._tcp.m.test", (0, 0, port, "unknown.test"))
        time.sleep(0.5)
        load.wait_for_only("o13")
        dns.set_srv("_http._tcp.m.test", (0, 0, port, "h12.test"))
        load.wait_for_only("o12")
    load.check()


def test_srv_of_a_real_server(postern_with, origins, tmp_path):
    dnsmasq = Dnsmasq(tmp_path, (f"_http._tcp.m.test,h.test,{port_of(origins)},5,10",))
    dnsmasq.set("h.test", "127.0.0.12")
    dnsmasq.start()
    try:
        found = {"kind": "srv", "name": "_http._tcp.m.test", "servers": [dnsmasq.address], **QUICK}
        postern = postern_with(simple("", upstream={"balance": TURNS, "endpoints": [], "discovery": found}))
        with postern.client() as client:
            assert client.get("/x").fields.get("x-origin") == "o12"
    finally:
        dnsmasq.kill()


def test_file_replaced_broken_and_removed(postern_with, origins, tmp_path):
    port, path = port_of(origins), tmp_path / "endpoints.json"

    def write(*numbers: int, text: str | None = None) -> None:
        endpoints = [{"address": f"127.0.0.{n}:{port}"} for n in numbers]
        new = tmp_path / "new.json"
        new.write_text(json.dumps({"endpoints": endpoints}) if text is None else text)
        os.replace(new, path)

    write(11)
    settings = simple("", upstream={"balance": TURNS, "endpoints": [], "discovery": {"kind": "file", "file": str(path)}})
    postern = postern_with(settings)
    with Load(postern) as load:
        load.wait_for_only("o11")
        write(12, 13)
        load.wait_for_only("o12", "o13")
        for text in ("{", '{"endpoints": [{"adress": "x"}]}', '{"endpoints": []}'):
            bad = postern.total("postern_upstream_discovery_total") - postern.total("postern_upstream_discovery_total", result="ok")
            write(text=text)
            wait_until(
                lambda: postern.total("postern_upstream_discovery_total")
                - postern.total("postern_upstream_discovery_total", result="ok")
                > bad
            )
            postern.reload()
            load.wait_for_only("o12", "o13")
        path.unlink()
        postern.reload()
        load.wait_for_only("o12", "o13")
        write(11)
        load.wait_for_only("o11")
    load.check()
    log = postern.stderr()
    assert "last good ones stay" in log and "endpoints found again" in log


def test_requests_on_an_endpoint_that_leaves_are_finished(postern_with, origins, dns):
    """A slow answer from one that is no longer in the set comes to its end."""
    dns.set_a("m.test", "127.0.0.11")
    postern = postern_with(settings_for(dns, origins))
    begun, go_on = threading.Event(), threading.Event()

    def slow(conn, request):
        conn.send(b"HTTP/1.1 200 OK\r\nX-Origin: o11\r\nContent-Length: 6\r\n\r\nabc")
        begun.set()
        go_on.wait(20)
        conn.send(b"def")

    origins[11].on("/slow", slow)
    with postern.client() as slow_client, postern.client() as client:
        slow_client.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert begun.wait(5 * PATIENCE)
        dns.set_a("m.test", "127.0.0.12")
        wait_until(lambda: client.get("/x").fields.get("x-origin") == "o12")
        time.sleep(0.3)
        go_on.set()
        answer = slow_client.read()
        assert answer.status == 200 and answer.body == b"abcdef"
        wait_until(lambda: origins[11].open_connections() == 0)


def test_check_wants_no_network_but_says_what_is_missing(tmp_path, dns):
    dns.mode = "silent"

    def check(endpoints: str, discovery: str):
        config = tmp_path / "c.toml"
        config.write_text(
            '[[listener]]\nname = "l"\naddress = "127.0.0.1:1"\n[[upstream]]\nname = "up"\n'
            f'{endpoints}\n[upstream.discovery]\n{discovery}\ntimeout = "100ms"\nservers = ["{dns.address}"]\n'
        )
        return run_cli("check", "--config", str(config))

    unknown = check("", 'kind = "dns"\nname = "m.test:80"')
    assert unknown.returncode == 0 and "no endpoints yet" in unknown.stderr
    for endpoints, discovery, message in (
        ("", 'kind = "dnns"\nname = "m.test:80"', 'did you mean "dns"'),
        ("", 'kind = "dns"\nname = "m.test"', "upstream[0].discovery.name"),
        ("", 'kind = "dns"\nname = "10.0.0.1:80"', "upstream[0].discovery.name"),
        ("", 'kind = "srv"\nname = "m.test"', "upstream[0].discovery.name"),
        ("", 'kind = "file"', "upstream[0].discovery.file"),
        ("", 'kind = "static"', "upstream[0].endpoints"),
        ('endpoints = ["a.test:80"]', 'kind = "dns"\nname = "m.test:80"', "upstream[0].endpoints"),
        ('endpoints = ["a.test:80"]', 'name = "m.test:80"', "upstream[0].discovery.name"),
        ('endpoints = ["a.test:80"]', 'min_ttl = "10m"', "upstream[0].discovery.min_ttl"),
    ):
        wrong = check(endpoints, discovery)
        assert wrong.returncode == 2 and message in wrong.stderr + wrong.stdout, (discovery, wrong)
