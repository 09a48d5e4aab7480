"""What keeps postern from starting: one line each, exit code 2, nothing listens. And the config commands."""

from __future__ import annotations

import re
import socket
import subprocess

import pytest

from harness.postern import dump_toml, free_port, run_cli

GOOD = """
[admin]
listen = "127.0.0.1:{admin}"
[[listener]]
name = "main"
address = "127.0.0.1:{port}"
[[upstream]]
name = "models"
endpoints = ["127.0.0.1:9000"]
[[route]]
name = "all"
path = "/*"
forward = "models"
"""

FIVE = """
wokers = 1
[admin]
listen = ""
[[listener]]
name = "main"
address = "127.0.0.1:{port}"
header_timeout = "soon"
max_header_fields = "many"
[[upstream]]
name = "models"
endpoints = ["127.0.0.1:9000"]
[[route]]
name = "all"
path = "/*"
forward = "model"
retry.when = "sometimes"
"""


@pytest.fixture
def config(tmp_path):
    def write(text: str):
        path = tmp_path / "postern.toml"
        path.write_text(text.format(port=free_port(), admin=free_port()))
        return path

    return write


def fails(config, *patterns: str, commands=("check", "run")) -> None:
    """Both commands: exit 2 within a moment, one line per pattern and no more (a line of summary aside)."""
    for command in commands:
        done = run_cli(command, "--config", str(config))
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        assert done.returncode == 2, (command, done.returncode, done.stderr)
        for pattern in patterns:
            assert sum(bool(re.search(pattern, line)) for line in lines) == 1, (pattern, done.stderr)
        assert sum(str(config) in line for line in lines) == len(patterns), (command, done.stderr)
        assert len(lines) <= len(patterns) + 1, (command, done.stderr)


def is_free(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0


def test_five_mistakes_are_five_lines(config):
    path = config(FIVE)
    place = re.escape(str(path)) + r":{}:\d+: "
    fails(
        path,
        place.format(2) + r".*wokers.*workers",
        place.format(8) + r".*header_timeout",
        place.format(9) + r".*max_header_fields",
        place.format(16) + r".*forward.*models",
        place.format(17) + r".*retry.*when.*idempotent",
    )
    assert is_free(int(re.search(r"127.0.0.1:(\d+)", path.read_text())[1]))


def test_syntax_error(config):
    path = config("workers = \n")
    done = run_cli("check", "--config", str(path))
    assert done.returncode == 2 and f"{path}:1:" in done.stderr and len(done.stderr.splitlines()) == 1


def test_missing_config():
    for command in ("check", "run"):
        done = run_cli(command, "--config", "/nonexistent/postern.toml")
        assert (
            done.returncode == 2 and "/nonexistent/postern.toml" in done.stderr and len(done.stderr.splitlines()) == 1
        )


def test_good_config_checks(config):
    done = run_cli("check", "--config", str(config(GOOD)))
    assert done.returncode == 0 and not done.stderr


def test_port_in_use(config):
    path = config(GOOD)
    port = int(re.findall(r"127.0.0.1:(\d+)", path.read_text())[1])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        done = run_cli("run", "--config", str(path))
        errors = [line for line in done.stderr.splitlines() if str(port) in line]
        assert done.returncode == 2 and len(errors) == 1 and re.search(r"in use", errors[0]), done.stderr


def test_admin_port_in_use(config):
    path = config(GOOD)
    port = int(re.findall(r"127.0.0.1:(\d+)", path.read_text())[0])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        done = run_cli("run", "--config", str(path))
        assert done.returncode == 2 and sum(str(port) in line for line in done.stderr.splitlines()) == 1, done.stderr


def test_running_postern_keeps_its_port(postern_with, config):
    """A second postern on the same address must not take half of the first one's connections."""
    first = postern_with(
        listener=[{"name": "main"}], route=[{"name": "r", "path": "/*", "reply": {"status": 200, "body": "first"}}]
    )
    path = config(GOOD)
    port = first.address()[1]
    path.write_text(re.sub(r'(name = "main"\naddress = "127.0.0.1:)\d+', rf"\g<1>{port}", path.read_text()))
    try:
        done = run_cli("run", "--config", str(path), timeout=3)
    except subprocess.TimeoutExpired:
        pytest.fail("two posterns share a port")
    assert done.returncode == 2 and str(port) in done.stderr


def tls_config(cert: str, key: str) -> str:
    return (
        dump_toml(
            {
                "admin": {"listen": ""},
                "listener": [
                    {
                        "name": "main",
                        "address": f"127.0.0.1:{free_port()}",
                        "tls": {"certificate": [{"cert": cert, "key": key}]},
                    }
                ],
                "route": [{"name": "r", "path": "/*", "reply": {"status": 200}}],
            }
        )
        + "\n"
    )


@pytest.mark.parametrize("problem", ["missing", "folder", "garbage", "encrypted", "mismatch", "cert-missing"])
def test_certificate_problems(tmp_path, authority, problem):
    good, other = authority.issue("a.test"), authority.issue("a.test")
    key, cert = tmp_path / "a.key", good.cert
    if problem == "folder":
        key.mkdir()
    elif problem == "garbage":
        key.write_text("-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n")
    elif problem == "encrypted":
        subprocess.run(["openssl", "pkey", "-in", good.key, "-aes128", "-passout", "pass:x", "-out", key], check=True)
    elif problem == "mismatch":
        key = other.key
    elif problem == "cert-missing":
        key, cert = good.key, tmp_path / "nowhere.pem"
    path = tmp_path / "postern.toml"
    path.write_text(tls_config(str(cert), str(key)))
    fails(path, re.escape(str(path)) + r":\d+:\d+: .*(key|cert)")
    wanted = {"cert-missing": "nowhere.pem"}.get(problem, key.name)
    done = run_cli("check", "--config", str(path))
    assert wanted in done.stderr and "BEGIN" not in done.stderr


def test_values_from_environment_and_files(tmp_path, postern_with):
    (tmp_path / "secret").write_text("from-file\n")
    postern = postern_with(
        listener=[{"name": "main"}],
        env={"GREETING": "from-env"},
        route=[
            {"name": "env", "path": "/env", "reply": {"status": 200, "body": "env:GREETING"}},
            {"name": "file", "path": "/file", "reply": {"status": 200, "body": f"file:{tmp_path}/secret"}},
        ],
    )
    with postern.client() as client:
        assert client.get("/env").body == b"from-env"
        assert client.get("/file").body.strip() == b"from-file"


def test_missing_environment_value_is_an_error(config):
    path = config(GOOD.replace('forward = "models"', 'reply = {{ body = "env:NO_SUCH_NAME" }}'))
    fails(path, "NO_SUCH_NAME", commands=("check",))


def test_config_show_masks_secrets(config):
    path = config(GOOD + '[route.request_headers]\nset = {{ Authorization = "Bearer s3cr3t" }}\n')
    done = run_cli("config", "show", "--config", str(path))
    assert done.returncode == 0 and "s3cr3t" not in done.stdout and "max_header_fields" in done.stdout


def test_config_reference(tmp_path):
    done = run_cli("config", "reference")
    assert done.returncode == 0 and "header_timeout" in done.stdout and done.stdout.startswith("#")


def test_help_and_unknown_command():
    done = run_cli("--help")
    assert done.returncode == 0 and "run" in done.stdout and "check" in done.stdout
    assert run_cli("no-such-command").returncode != 0
