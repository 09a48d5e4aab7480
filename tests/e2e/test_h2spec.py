"""h2spec, strict, against every way to speak HTTP/2 to a listener: all cases pass."""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as tree

import pytest

from harness.client import PATIENCE
from harness.postern import TREE

H2SPEC = TREE / "build" / "tools" / "h2spec"
CASES = 146


def failures(report) -> tuple[int, list[str]]:
    """How many cases ran, and those that did not pass, by name."""
    found, count = [], 0
    for suite in tree.parse(report).getroot():
        for case in suite.iter("testcase"):
            count += 1
            for problem in [*case.iter("failure"), *case.iter("error"), *case.iter("skipped")]:
                name = f"{case.get('package')}: {case.get('classname')}"
                found.append(f"{name}\n    {' '.join((problem.text or problem.tag).split())}")
    return count, found


@pytest.mark.timeout(180)
@pytest.mark.parametrize("listener", ["h2c-only", "tls"])
def test_h2spec_strict(h2_site, tmp_path, listener):
    """Against an answer that waits for the whole request: one that comes early resets the rest of its request
    (NO_ERROR), and what a case does to that stream afterwards is rightly ignored."""
    assert H2SPEC.exists(), "no h2spec: scripts/test builds it with Go"
    # Some cases are skipped where the answer is shorter than the windows that they set.
    path = h2_site.origin.on("/s/h2spec", lambda conn, request: conn.answer(body=b"h2spec wants some bytes"))
    host, port = h2_site.postern.address(listener)
    report = tmp_path / "report.xml"
    command = [H2SPEC, "-S", "-h", host, "-p", port, "-P", path, "-j", report, "-o", int(2 * PATIENCE)]
    if listener == "tls":
        command += ["-t", "-k"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=170)
    assert report.exists(), done.stdout[-2000:] + done.stderr[-2000:]
    count, failed = failures(report)
    assert count == CASES, f"{count} cases ran:\n{done.stdout[-2000:]}"
    assert not failed, f"{len(failed)} of {count} failed:\n" + "\n".join(failed)
