"""Policies by the command line: the cases of docs/policies.md, mistakes in a config, `postern explain`."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from pathlib import Path

import pytest

from harness.postern import Postern, run_cli

DOCS = Path(__file__).resolve().parents[2] / "docs" / "policies.md"


def documented(name: str) -> str:
    """The block of TOML in the document that begins with a comment of this name."""
    found = re.search(rf"```toml\n# {re.escape(name)}\n(.*?)```", DOCS.read_text(), re.S)
    assert found, name
    return found[1]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "postern.toml").write_text('[admin]\nlisten = ""\n' + documented("postern.toml"))
    (tmp_path / "cases.toml").write_text(documented("cases.toml"))
    return tmp_path


def run(*args, **more):
    return run_cli(*(str(a) for a in args), **more)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_documented_cases(folder):
    result = run("policy", "test", folder / "cases.toml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.endswith("6 cases, 0 failed\n")
    assert "ok    not with a login of yesterday: forbidden (route predict, policy predict: deny[0])\n" in result.stdout


def test_a_case_that_fails(folder):
    edit(folder / "postern.toml", "auth_age > 12h", "auth_age > 48h")
    result = run("policy", "test", folder / "cases.toml")
    assert result.returncode == 1
    assert re.search(r"^FAIL  not with a login of yesterday \(line \d+\): expected forbidden, got allow "
                     r"\(route predict, policy predict: allow\[0\]\)$", result.stdout, re.M)
    assert result.stdout.endswith("6 cases, 1 failed\n")


def test_mistakes_in_cases(folder):
    edit(folder / "cases.toml", "expect = ", "expct = ")
    edit(folder / "cases.toml", 'auth_age = "24h"', 'auth_age = "yesterday"')
    result = run("policy", "test", folder / "cases.toml")
    assert result.returncode == 2 and result.stdout == ""
    assert 'case[0].expct: unknown key; did you mean "expect"?' in result.stderr
    assert "case[1].identity.auth_age: wrong type or value" in result.stderr


@pytest.mark.parametrize("old, new, message", [
    ('roles has "predictor"', 'rols has "predictor"',
     r'policy\[1\]\.allow\[0\]: at character 21: unknown fact "rols"; did you mean "roles"\?'),
    ('groups has "suspended"', 'groups has ""', r'policy\[0\]\.deny\[0\]: at character 12: an empty text'),
    ('auth_age > 12h', 'path.modle == "a"', r'no route\'s path has a variable "modle"; did you mean "model"\?'),
    ('auth_age > 12h', 'policy("predict")', r'policy\[1\]\.deny\[0\]: policy "predict" refers to itself'),
    ('policy = "predict"', 'policy = "predct"', r'route\[0\]\.access\.policy: no policy named "predct"; did you mean'),
    ('policy = "predict"', '', r'route\[0\]\.access\.policy: missing: .*authenticated'),
    ('[route.access]\npolicy = "predict"', '', r'route\[0\]\.access: missing: .*auth = "none"'),
    ("allow = ['email.domain == \"example.com\"']", '', r'policy\[0\]\.allow: without a rule that allows'),
])
def test_mistakes_in_policies(folder, old, new, message):
    (folder / "keys.json").write_text('{"keys": []}')
    edit(folder / "postern.toml", old, new)
    for command in ("check", "run"):
        result = run(command, "--config", folder / "postern.toml")
        assert result.returncode == 2, command
        assert re.search(message, result.stderr), result.stderr
        assert re.match(r".*postern\.toml:\d+:\d+: ", result.stderr)


def explain(folder, *args, **more):
    return run("explain", "--config", folder / "postern.toml", *args, **more)


def test_explain_by_claims(folder):
    claims = {"iss": "https://login.example.com", "sub": "ada", "email": "ada@example.com", "email_verified": True,
              "groups": ["ml"], "auth_time": 1_795_000_000, "note": "a\x1b[31mb"}
    (folder / "ada.json").write_text(json.dumps(claims))
    url = "https://models.example.com/v1/models/%62ert:predict"
    result = explain(folder, "--claims", folder / "ada.json", "--now", 1_795_000_600, "POST", url)
    assert result.returncode == 0, result.stdout + result.stderr
    for line in (r"route +predict", r"  path\.model +bert", r"identity +ada, by claims", r"  roles +predictor",
                 r"policy +predict: allow \(allow_rule\)", r"  deny\[0\] +false +auth_age > 12h",
                 r"  allow\[0\] true .*<- decides", r"upstream +models: 127\.0\.0\.1:8501", r"verdict +allow"):
        assert re.search(rf"^{line}", result.stdout, re.M), (line, result.stdout)
    assert "\x1b" not in result.stdout
    result = explain(folder, "--claims", folder / "ada.json", "--now", 1_795_090_000, "POST", url)
    assert result.returncode == 1 and "verdict     403: policy predict, deny[0]\n" in result.stdout


@pytest.mark.parametrize("args, verdict", [
    (("POST", "/v1/models/bert:predict"), "401: no credential was shown"),
    (("DELETE", "http://h/v1/models/bert:predict/x"), "404: no route leads there"),
    (("GET", "/v1/../../x"), "400: "),
])
def test_explain_nobody(folder, args, verdict):
    result = explain(folder, *args)
    assert result.returncode == 1
    assert f"verdict     {verdict}" in result.stdout


PUBLIC_PATHS = [
    ("/api/x/status", "allow"),
    ("/%61pi/x/status", "allow"),
    ("/api/private/../x/status", "allow"),  # what is judged is what is sent
    ("//api/x/status", "allow"),
    ("/api/private/x?path=/status", "403"),  # T04: the query is no path
    ("/api/x?path=/status", "403"),
    ("/api/x/status/../../private", "403"),  # T08
    ("/api/x/%2e%2e/private/status/", "403"),
    ("/api/x%2fprivate/status", "400"),
    ("/api/x/status#", "400"),  # T05
    ("/api/x%23/private", "403"),
    ("/api/x;y/status", "400"),  # T10: some servers read /api/x/status
    ("/api/x%3by/status", "400"),
    ("/api/x%ff/status", "400"),  # T12, T14
]


@pytest.mark.parametrize("target, verdict", PUBLIC_PATHS)
def test_public_paths(folder, target, verdict):
    """A path that is open to everybody opens no other one."""
    edit(folder / "postern.toml", "[[policy]]",
         """[[policy]]\nname = "public"\nallow = ['path matches "/api/[^/]+/status"']\n[[policy]]""")
    with open(folder / "postern.toml", "a") as config:
        config.write('[[route]]\nname = "api"\npath = "/*"\nforward = "models"\n'
                     '[route.access]\nauth = "none"\npolicy = "public"\n')
    result = explain(folder, "GET", target)
    assert re.search(rf"^verdict +{verdict}", result.stdout, re.M), result.stdout


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


SECRET = "0123456789abcdef0123456789abcdef"


def sign(**more) -> str:
    now = int(time.time())
    claims = {"iss": "https://login.example.com", "sub": "ada", "aud": "https://models.example.com", "exp": now + 60,
              "iat": now, "auth_time": now, "email": "ada@example.com", "email_verified": True, "groups": ["ml"]} | more
    signed = f'{encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())}.{encode(json.dumps(claims).encode())}'
    return f"{signed}.{encode(hmac.digest(SECRET.encode(), signed.encode(), hashlib.sha256))}"


def test_explain_by_a_token(folder):
    """Checked as a request's; printed nowhere, whether good or bad."""
    (folder / "secret").write_text(SECRET)
    edit(folder / "postern.toml", 'jwks_file = "keys.json"', 'secret_file = "secret"')
    signed, _, signature = sign().rpartition(".")
    for token, code, verdict in ((f"{signed}.{signature}", 0, "allow"),
                                 (f"{signed}.{signature[::-1]}", 1, "401: the credential is no good"),
                                 ("pst_x", 1, "401: the credential is no good")):
        result = explain(folder, "--token", token, "POST", "/v1/models/bert:predict")
        assert result.returncode == code, result.stdout + result.stderr
        assert f"verdict     {verdict}\n" in result.stdout, result.stdout
        assert token not in result.stdout + result.stderr and signature not in result.stdout


@pytest.fixture(scope="module")
def judging(tmp_path_factory):
    """A postern whose routes answer by themselves: what is judged is all there is to see."""
    folder = tmp_path_factory.mktemp("judging")
    (folder / "secret").write_text(SECRET)
    reply = {"reply": {"status": 200, "body": "in"}}
    postern = Postern(folder, {
        "listener": [{"name": "main"}],
        "issuer": [{"name": "corp", "url": "https://login.example.com", "audiences": ["https://models.example.com"],
                    "secret_file": "secret"}],
        "role_mapping": [{"role": "predictor", "groups": ["ml"]}],
        "policy": [
            {"name": "public", "allow": ['path matches "/api/[^/]+/status"']},
            {"name": "predict", "deny": ['groups has "suspended"', 'auth_age > 12h', 'subject matches ".*root.*"'],
             "allow": ['roles has "predictor" and path.model in ["bert", "a b"]', "path.model == subject"]},
            {"name": "corp", "deny": ['email.domain == "partner.org"'], "allow": ["true"]},
        ],
        "route": [
            {"name": "api", "path": "/*", "access": {"auth": "none", "policy": "public"}, **reply},
            {"name": "predict", "path": "/models/{model}", "access": {"policy": "predict"}, **reply},
            {"name": "scoped", "path": "/scoped", "access": {"policy": "corp", "scopes": ["infer"]}, **reply},
            {"name": "some", "path": "/some", "access": {"auth": "optional", "policy": "corp"}, **reply},
            {"name": "known", "path": "/known", "access": {"policy": "authenticated"}, **reply},
        ]})
    yield postern
    postern.stop()


def test_requests_meet_what_is_explained(judging):
    """Each request twice, the second time with a token that is remembered; then what `explain` says of it."""
    old = int(time.time()) - 24 * 3600
    callers = {
        "nobody": None, "ada": sign(), "scoped": sign(scope="openid infer"), "bert": sign(sub="bert", groups=[]),
        "suspended": sign(groups=["ml", "suspended"]), "not a part": sign(groups=["suspended,ml"]), "late": sign(auth_time=old),
        "partner": sign(email="p@partner.org"), "two signs": sign(email="p@partner.org@example.com"),
        "unverified": sign(email_verified=False), "many groups": sign(_claim_names={"groups": "src1"}),
        "expired": sign(exp=int(time.time()) - 100), "elsewhere": sign(aud="others"), "root": sign(sub="xrooty"),
    }
    asked = [("nobody", target) for target, _ in PUBLIC_PATHS if "#" not in target]
    asked += [(caller, path) for caller in callers
              for path in ("/models/bert", "/models/a%20b", "/models/bert;x", "/models/gpt", "/scoped", "/some", "/known")]
    statuses = {}
    for caller, target in asked:
        token = callers[caller]
        headers = f"Authorization: Bearer {token}\r\n" if token else ""
        seen = set()
        for _ in range(2):
            with judging.client() as client:
                seen.add(client.get(target, headers=headers).status)
        assert len(seen) == 1, (caller, target, seen)
        args = ["--token", token] if token else []
        result = run("explain", "--config", judging.config, *args, "GET", target)
        verdict = re.search(r"^verdict +(\w+)", result.stdout, re.M)
        assert verdict, result.stderr
        statuses[caller, target] = seen.pop()
        assert str(statuses[caller, target]) == verdict[1].replace("allow", "200"), (caller, target, result.stdout)
    for (caller, target), status in {
        ("ada", "/models/bert"): 200, ("ada", "/models/a%20b"): 200, ("ada", "/models/gpt"): 403,
        ("ada", "/models/bert;x"): 400, ("bert", "/models/bert"): 200, ("bert", "/models/gpt"): 403,
        ("suspended", "/models/bert"): 403, ("not a part", "/models/bert"): 403, ("late", "/models/bert"): 403,
        ("many groups", "/models/bert"): 403, ("root", "/models/bert"): 403, ("nobody", "/models/bert"): 401,
        ("expired", "/known"): 401, ("elsewhere", "/some"): 401, ("nobody", "/some"): 401, ("ada", "/some"): 200,
        ("partner", "/some"): 403, ("two signs", "/some"): 403, ("unverified", "/some"): 403,
        ("scoped", "/scoped"): 200, ("ada", "/scoped"): 403, ("partner", "/known"): 200,
    }.items():
        assert statuses[caller, target] == status, (caller, target, statuses[caller, target])


def test_facts_are_listed():
    result = run("list", "facts")
    assert result.returncode == 0
    assert re.search(r"^claims\.<path> +A claim", result.stdout, re.M)
