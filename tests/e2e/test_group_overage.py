"""Callers with more groups than their token has room for (Entra ID): looked up where the config says, or else unknown."""

from __future__ import annotations

import json
import threading
import time
from urllib.parse import parse_qs, urlsplit

import pytest

from harness import leaks
from harness.idp import SECRET, Provider
from harness.tokens import Issuer

pytestmark = pytest.mark.timeout(60)

TENANT = "11111111-2222-3333-4444-555555555555"
ALICE = "aaaaaaaa-0000-0000-0000-000000000001"
CREW = "cccccccc-0000-0000-0000-00000000000c"


class Graph(Provider):
    """The tenant's token endpoint and its directory."""

    def __init__(self, issuer: Issuer):
        super().__init__(issuer)
        issuer.url = f"https://login.microsoftonline.com/{TENANT}/v2.0"
        self.members = {ALICE: [f"{number:08x}-0000-0000-0000-00000000000f" for number in range(250)] + [CREW]}
        self.ours, self.lookups = "token-of-ours-1", 0
        leaks.add(self.ours)

    def introspect(self, headers, body: bytes):
        form = {name: value for name, [value] in parse_qs(body.decode()).items()}
        wanted = {"grant_type": "client_credentials", "client_id": "app", "client_secret": SECRET,
                  "scope": f"{self.url}/.default"}  # fmt: skip
        if form != wanted:
            return 400, {}, b'{"error":"invalid_client"}'
        answer = {"token_type": "Bearer", "expires_in": 3599, "access_token": self.ours}
        return 200, {}, json.dumps(answer).encode()

    def get(self, headers, path: str):
        url = urlsplit(path)
        if not url.path.startswith("/v1.0/"):
            return 404, {}, b"{}"
        query = parse_qs(url.query)
        kind, who = url.path.split("/")[2:4]
        if headers.get("Authorization") != f"Bearer {self.ours}" or headers.get("ConsistencyLevel") != "eventual":
            return 401, {}, b"{}"
        if kind != "users" or who not in self.members:
            return 404, {}, b"{}"
        assert url.path.endswith("/transitiveMemberOf/microsoft.graph.group") and query["$select"] == ["id"]
        start = int(query.get("$skiptoken", ["0"])[0])
        self.lookups += start == 0
        page = {"value": [{"id": group} for group in self.members[who][start : start + 100]]}
        if start + 100 < len(self.members[who]):
            page["@odata.nextLink"] = f"{self.next_origin()}{url.path}?$select=id&$skiptoken={start + 100}"
        return 200, {}, json.dumps(page).encode()

    def next_origin(self) -> str:
        return self.url

    def token(self, **claims) -> str:
        overage = {
            "_claim_names": {"groups": "src1"},
            "_claim_sources": {"src1": {"endpoint": f"{self.url}/never/asked"}},
        }
        return self.issuer.token(tid=TENANT, oid=ALICE, azp="x", ver="2.0", **{**overage, **claims})


@pytest.fixture
def graph(tmp_path):
    one = Graph(Issuer(tmp_path))
    yield one
    one.stop()


def settings(origin, graph: Graph, workers: int = 1, asks: bool = True) -> dict:
    (graph.issuer.folder / "graph.secret").write_text(SECRET)
    more = {"graph_client_id": "app", "graph_secret_file": str(graph.issuer.folder / "graph.secret"),
            "graph_url": f"{graph.url}/v1.0", "graph_token_url": f"{graph.url}/{{tenantid}}/token"}  # fmt: skip
    table = graph.issuer.table(template="entra", allow_http=True, allow_private=True, **(more if asks else {}))
    return {
        "workers": workers,
        "listener": [{"name": "main"}],
        "upstream": [{"name": "origin", "endpoints": [origin.endpoint]}],
        "policy": [{"name": "crew", "allow": [f'groups has "{CREW}"']},
                   {"name": "others", "deny": [f'groups has "{CREW}"'], "allow": ["true"]}],
        "route": [{"name": "crew", "path": "/crew", "forward": "origin", "access": {"policy": "crew"}},
                  {"name": "others", "path": "/others", "forward": "origin", "access": {"policy": "others"}},
                  {"name": "all", "path": "/*", "forward": "origin", "access": {"policy": "authenticated"}}],
        "issuer": [table],
    }  # fmt: skip


def status(postern, token: str, path: str) -> int:
    with postern.client() as client:
        return client.get(path, headers=f"Authorization: Bearer {token}\r\n").status


@pytest.mark.concurrency
def test_groups_are_looked_up_once(postern_with, make_origin, graph):
    here = postern_with(settings(make_origin(), graph, workers=2))
    graph.delay = 0.05
    token, statuses = graph.token(), []
    threads = [threading.Thread(target=lambda: statuses.append(status(here, token, "/crew"))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 10
    assert graph.lookups == 1
    assert status(here, graph.token(jti="another"), "/others") == 403  # whose groups are known by now
    assert graph.lookups == 1
    assert [path for path in graph.requests if "never" in path] == []  # what the token says of sources is not followed
    assert sum(path == f"/{TENANT}/token" for path in graph.requests) == 1
    assert status(here, graph.token(_claim_names=None, groups=[CREW]), "/crew") == 200  # it has them all
    assert status(here, graph.token(_claim_names=None, hasgroups=True, jti="x"), "/crew") == 200
    assert graph.lookups == 1
    here.wait_total("postern_directory_lookups_total", 1, issuer="corp", result="found")
    assert SECRET not in here.stderr() and graph.ours not in here.stderr()


def unknown(here, graph: Graph) -> None:
    """Groups are not known: no rule lets in because of them, nor because of their absence."""
    token = graph.token(jti=str(time.time()))
    assert status(here, token, "/crew") == 403
    assert status(here, token, "/others") == 403
    assert status(here, token, "/x") == 200


def test_without_a_word_nobody_is_asked(postern_with, make_origin, graph):
    here = postern_with(settings(make_origin(), graph, asks=False))
    unknown(here, graph)
    assert graph.requests == []


BROKEN = ["no directory", "no token", "a next page elsewhere", "no list", "a redirect", "nobody there"]


@pytest.mark.parametrize("case", BROKEN)
def test_groups_that_cannot_be_had(postern_with, make_origin, graph, case):
    here = postern_with(settings(make_origin(), graph))
    page = f"/v1.0/users/{ALICE}/transitiveMemberOf/microsoft.graph.group?$count=true&$select=id&$top=999"
    if case == "no directory":
        graph.answer[page] = (500, {}, b"")
    elif case == "no token":
        graph.answer[f"/{TENANT}/token"] = (401, {}, b"")
    elif case == "a next page elsewhere":
        graph.next_origin = lambda: "http://127.0.0.1:1"
    elif case == "no list":
        graph.answer[page] = (200, {}, b'{"value":[{"id":"../admin"}]}')
    elif case == "a redirect":
        graph.answer[page] = (302, {"Location": graph.url + "/never"}, b"")
    else:
        graph.stop()
    unknown(here, graph)
    here.wait_total("postern_directory_lookups_total", 1, issuer="corp", result="failed")
    assert "groups cannot be looked up" in here.stderr()
