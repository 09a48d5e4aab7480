"""h2specd, a broken HTTP/2 server per case, behind postern: what postern does as its client is right every time."""

from __future__ import annotations

import random
import re
import socket
import stat
import subprocess

import pytest

from harness.client import PATIENCE
from harness.postern import TREE

H2SPECD = TREE / "build" / "tools" / "h2specd"
CASES = 57
IGNORED = "RFC 9113 5.1 leaves it to the endpoint (RFC 7540 did not); postern takes no notice, and gives the window back"
#: Cases that may fail (it depends on what arrives first), each with the reason why.
EXPLAINED = {
    "closed: Sends a DATA frame": IGNORED,
    'Sends a DATA frame on the stream that is not in "open" or "half-closed (local)" state': IGNORED,
    "closed: Sends a HEADERS frame": IGNORED,
    "closed: Sends a DATA frame after sending RST_STREAM frame": IGNORED,
    "closed: Sends a HEADERS frame after sending RST_STREAM frame": IGNORED,
}


def row_of_ports(count: int) -> int:
    """The first of `count` free ports in a row, below the ephemeral range."""
    while True:
        first = random.randrange(15000, 31000)
        held = []
        try:
            for port in range(first, first + count):
                held.append(socket.socket())
                held[-1].bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for one in held:
                one.close()


@pytest.mark.timeout(300)
def test_h2specd(postern_with, tmp_path):
    assert H2SPECD.exists(), "no h2specd: scripts/test builds it with Go"
    first = row_of_ports(CASES)
    ports = range(first, first + CASES)
    names = {"keepalive_timeout": "1s", "connect_timeout": "1s", "protocol": "h2"}
    postern = postern_with(
        listener=[{"name": "main"}],
        upstream=[{"name": f"u{port}", "endpoints": [f"127.0.0.1:{port}"], **names} for port in ports],
        route=[
            {"name": f"r{port}", "path": f"/p{port}", "rewrite": "/", "forward": f"u{port}", "response_timeout": "2s"}
            for port in ports
        ],
    )
    # It is called with http://127.0.0.1:PORT/, one port for each case.
    through = tmp_path / "through.sh"
    host, port = postern.address()
    through.write_text(
        f"#!/bin/sh\nport=${{1##*:}}\nexec curl -s -o /dev/null -m 2 http://{host}:{port}/p${{port%/}}\n"
    )
    through.chmod(through.stat().st_mode | stat.S_IXUSR)
    command = [H2SPECD, "-S", "-f", first, "-o", max(1, int(PATIENCE)), "-e", through]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=280)
    out = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    out = "\n".join(line for line in out.splitlines() if "closed network connection" not in line)
    summary = re.search(r"(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed", out)
    assert summary, f"it did not come to its end:\n{out[-3000:]}{done.stderr[-1000:]}"
    before_list = out.split("Failures:")[0]
    failed = {" ".join(one.split()) for one in re.findall(r"× \d+: (.*)", before_list)}
    assert int(summary[1]) == CASES, summary[0]
    assert failed <= set(EXPLAINED), "failed:\n" + "\n".join(sorted(failed - set(EXPLAINED))) + "\n" + out[-6000:]
    assert postern.process.poll() is None
