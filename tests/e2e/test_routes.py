"""Routes: what matches, in which order of preference, and what each action does."""

from __future__ import annotations

import pytest

from harness.flight import check_problem
from harness.origin import Origin
from harness.postern import Postern


def reply(name: str, path: str, **more) -> dict:
    return {"name": name, "path": path, "reply": {"status": 200, "body": name}, **more}


@pytest.fixture(scope="module")
def routed(tmp_path_factory):
    origin = Origin("o1")
    forward = {"forward": "up"}
    postern = Postern(
        tmp_path_factory.mktemp("routes"),
        {
            "listener": [{"name": "public"}, {"name": "internal"}],
            "upstream": [{"name": "up", "endpoints": [origin.endpoint]}],
            "route": [
                reply("exact", "/exact"),
                reply("prefix", "/prefix/*"),
                reply("deeper", "/prefix/deep/*"),
                reply("literal", "/prefix/deep/leaf"),
                reply("slash", "/slash/"),
                reply("template", "/v1/models/{model}:predict"),
                reply("variable", "/v1/models/{model}"),
                reply("versions", "/v1/models/{model}/versions/{version}"),
                reply("fixed", "/v1/models/special"),
                reply("host", "/hosts", hosts=["one.test", "two.test"]),
                reply("wild", "/hosts", hosts=["*.wild.test"]),
                reply("wilder", "/hosts", hosts=["*.deep.wild.test"]),
                reply("special", "/hosts", hosts=["x.wild.test"]),
                reply("any-host", "/hosts"),
                reply("only-one", "/one-host", hosts=["one.test"]),
                reply("get", "/methods", methods=["GET"]),
                reply("put", "/methods", methods=["PUT"]),
                reply("canary", "/headers", headers={"x-canary": "1"}),
                reply("present", "/headers", headers={"x-any": "*"}),
                reply("plain", "/headers"),
                reply("internal", "/listener", listeners=["internal"]),
                reply(
                    "teapot",
                    "/reply",
                    **{"reply": {"status": 418, "body": "short and stout", "content_type": "text/x-tea"}},
                ),
                reply("empty", "/empty", **{"reply": {"status": 204}}),
                {
                    "name": "moved",
                    "path": "/old/{name}",
                    "redirect": "https://new.test/{name}{query}",
                    "redirect_status": 301,
                },
                {"name": "to-https", "path": "/secure/*", "redirect": "https://{host}{path}{query}"},
                {"name": "local-redirect", "path": "/here/*", "redirect": "/there/{tail}", "redirect_status": 302},
                {"name": "strip", "path": "/api/*", "strip_prefix": "/api", **forward},
                {
                    "name": "rewrite",
                    "path": "/old-models/{model}:predict",
                    "rewrite": "/v2/models/{model}/infer",
                    **forward,
                },
                {"name": "tail", "path": "/tail/*", "rewrite": "/new/{tail}", **forward},
                {
                    "name": "edits",
                    "path": "/edits",
                    "request_headers": {
                        "set": {"X-Set": "ours", "X-New": "new"},
                        "add": {"X-Add": "ours"},
                        "remove": ["X-Remove", "Cookie"],
                    },
                    "response_headers": {
                        "set": {"X-Set": "ours", "Server": "tea"},
                        "add": {"X-Add": "ours"},
                        "remove": ["X-Remove"],
                    },
                    **forward,
                },
                {"name": "forwarded", "path": "/f/*", **forward},
            ],
        },
    )
    yield postern, origin
    postern.stop()
    origin.close()
    assert not origin.violations


@pytest.fixture
def client(routed):
    with routed[0].client("public") as one:
        yield one


@pytest.mark.parametrize(
    "target, expected",
    [
        ("/exact", "exact"),
        ("/exact?q=1", "exact"),
        ("/exact/", None),
        ("/exact/more", None),
        ("/Exact", None),
        ("/prefix/", "prefix"),
        ("/prefix/a/b", "prefix"),
        ("/prefixed", None),
        ("/prefix/deep/x", "deeper"),
        ("/prefix/deep/leaf", "literal"),
        ("/prefix/deep/leaf/x", "deeper"),
        ("/slash/", "slash"),
        ("/slash", None),
        ("/v1/models/m:predict", "template"),
        ("/v1/models/a:b:predict", "template"),
        ("/v1/models/m", "variable"),
        ("/v1/models/:predict", "variable"),
        ("/v1/models/special", "fixed"),
        ("/v1/models/", None),
        ("/v1/models/m/versions/7", "versions"),
        ("/v1/models/m/versions/", None),
        ("/v1/models/m/x", None),
        ("/v1/models/a%20b:predict", "template"),
        ("//exact", "exact"),
        ("/x/../exact", "exact"),
        ("/%65xact", "exact"),
        ("/", None),
    ],
)
def test_path(client, target, expected):
    answer = client.get(target)
    if expected is None:
        assert answer.status == 404
        check_problem(answer)
    else:
        assert (answer.status, answer.body.decode()) == (200, expected)


@pytest.mark.parametrize(
    "host, expected",
    [
        ("one.test", "host"),
        ("ONE.test:8080", "host"),
        ("two.test", "host"),
        ("a.wild.test", "wild"),
        ("x.wild.test", "special"),
        ("a.b.wild.test", "wild"),
        ("a.deep.wild.test", "wilder"),
        ("wild.test", "any-host"),
        ("notwild.test", "any-host"),
        ("127.0.0.1", "any-host"),
        ("[::1]", "any-host"),
    ],
)
def test_host(client, host, expected):
    assert client.get("/hosts", host=host).body.decode() == expected


def test_host_limits_a_route(client):
    assert client.get("/one-host", host="one.test").status == 200
    assert client.get("/one-host", host="other.test").status == 404


def test_methods_and_allow(client):
    assert client.get("/methods").body == b"get"
    assert client.post("/methods", b"", method="PUT").body == b"put"
    answer = client.post("/methods", b"", method="DELETE")
    assert answer.status == 405 and {"GET", "PUT"} <= {one.strip() for one in answer.fields["allow"].split(",")}
    check_problem(answer)


def test_head_of_a_get_route(client):
    """HEAD is answered where GET is, without a body."""
    answer = client.get("/methods", method="HEAD")
    assert answer.status == 200
    assert client.get("/exact", method="HEAD").fields["content-length"] == "5"
    assert client.get("/exact").body == b"exact"


@pytest.mark.parametrize(
    "headers, expected",
    [
        ("", "plain"),
        ("X-Canary: 1\r\n", "canary"),
        ("X-Canary: 2\r\n", "plain"),
        ("X-Any: whatever\r\n", "present"),
        ("x-CANARY: 1\r\n", "canary"),
        ("X-Canary: 11\r\n", "plain"),
    ],
)
def test_headers(client, headers, expected):
    assert client.get("/headers", headers=headers).body.decode() == expected


def test_listener(routed):
    with routed[0].client("public") as public, routed[0].client("internal") as internal:
        assert public.get("/listener").status == 404
        assert internal.get("/listener").body == b"internal"


def test_reply(client):
    answer = client.get("/reply")
    assert (answer.status, answer.body, answer.fields["content-type"]) == (418, b"short and stout", "text/x-tea")
    assert client.get("/empty").status == 204


@pytest.mark.parametrize(
    "target, status, location",
    [
        ("/old/thing?a=1&b=2", 301, "https://new.test/thing?a=1&b=2"),
        ("/old/thing", 301, "https://new.test/thing"),
        ("/secure/x/y?q", 308, "https://a.test/secure/x/y?q"),
        ("/here/a/b", 302, "/there/a/b"),
        ("/here//evil.test", 302, "/there/evil.test"),
    ],
)
def test_redirect(client, target, status, location):
    answer = client.get(target)
    assert (answer.status, answer.fields["location"]) == (status, location)


@pytest.mark.parametrize(
    "target", ["/old/%0d%0aSet-Cookie:%20x=1", "/here/%0d%0aX: y".replace(" ", "%20"), "/here/%5c%5cevil.test"]
)
def test_redirect_cannot_be_split(client, target):
    answer = client.get(target)
    assert (
        "set-cookie" not in answer.fields and "x" not in answer.fields and "\\" not in answer.fields.get("location", "")
    )


@pytest.mark.parametrize(
    "target, sent",
    [
        ("/api/users?q=1", "/users?q=1"),
        ("/api/", "/"),
        ("/api/a/b%20c", "/a/b%20c"),
        ("/old-models/bert:predict", "/v2/models/bert/infer"),
        ("/old-models/a%20b:predict?x", "/v2/models/a%20b/infer?x"),
        ("/tail/a/b", "/new/a/b"),
        ("/tail/", "/new/"),
        ("/f/plain?x=%2F//y", "/f/plain?x=%2F//y"),
    ],
)
def test_rewrite(routed, client, target, sent):
    before = len(routed[1].to(sent))
    assert client.get(target).status == 200
    assert len(routed[1].to(sent)) == before + 1, [one.target for one in routed[1].requests[-3:]]


def test_rewrite_cannot_climb(routed, client):
    """A variable never becomes a dot segment."""
    for target in ("/old-models/..:predict", "/api/../f/secret", "/tail/..%2f..%2fsecret"):
        client.get(target)
    assert not [one.target for one in routed[1].requests if ".." in one.target]


def test_header_edits(routed, client):
    def script(conn, request):
        conn.answer(headers="X-Set: theirs\r\nX-Add: theirs\r\nX-Remove: theirs\r\nX-Set: again\r\n")

    routed[1].on("/edits", script)
    answer = client.get(
        "/edits", headers="X-Set: theirs\r\nx-set: again\r\nX-Add: theirs\r\nX-Remove: 1\r\nCookie: a\r\n"
    )
    seen = routed[1].last("/edits").fields
    assert seen.all("x-set") == ["ours"] and seen["x-new"] == "new"
    assert seen.all("x-add") == ["theirs", "ours"] and "x-remove" not in seen and "cookie" not in seen
    assert answer.fields.all("x-set") == ["ours"] and answer.fields.all("x-add") == ["theirs", "ours"]
    assert "x-remove" not in answer.fields and answer.fields["server"] == "tea"
