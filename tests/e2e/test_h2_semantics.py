"""Catalogue 2.4: heads and bodies as data, each case on a connection that must go on afterwards."""

from __future__ import annotations

import itertools
import json

import pytest

from catalogue import h2
from harness.client import Closed
from harness.h2_client import Answer, H2Client, make_frame

CASES = h2.all_cases()
numbers = itertools.count(500_000_000)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_h2_semantics(h2_site, case):
    mark = b"T%09d" % next(numbers)
    with h2_site.h2(case.listener) as client:
        try:
            answer = send(client, case, mark)
            client.wait(answer)
            again = client.get("/sentinel")
        except Closed as end:
            pytest.fail(f"the whole connection ended ({end.how}), GOAWAY {client.goaways}")
        assert (again.status, again.body) == (200, b"sentinel")
    h2_site.settle()
    judge(h2_site, case, mark, answer)


def send(client: H2Client, case, mark: bytes) -> Answer:
    pairs = [(name.replace(h2.MARK, mark), value.replace(h2.MARK, mark)) for name, value in case.pairs]
    bare_trailers = bool(case.frames) and case.trailers is not None
    if case.frames and not bare_trailers:
        for kind, flags, payload in case.frames:
            on_stream = kind not in (0x10, 0xB7)
            client.send_raw(make_frame(kind, flags, client.next_stream if on_stream else 0, payload))
    answer = client.open(pairs, end=case.body is None and case.trailers is None)
    client.send_raw(h2.wire_frames(case, answer.stream))
    if case.trailers is not None:
        client.trailers(answer.stream, list(case.trailers), end=not bare_trailers)
    return answer


def judge(site, case, mark: bytes, answer: Answer) -> None:
    requests = site.origin.by_mark.get(mark, [])
    complete = [one for one in requests if one.complete]
    was_reset = answer.reset is not None
    told = f"{case.id}: status {answer.status}, reset {answer.reset}, {len(requests)} requests at the origin"
    if case.outcome == "ok" or (case.outcome == "either" and answer.status == 200):
        assert answer.status == 200 and answer.ended and "x-origin" in answer.fields, told
        assert len(complete) == 1 and len(requests) == 1, told
        if case.check:
            case.check(complete[0], answer)
        return
    if case.promised is not None:
        complete = [one for one in complete if one.body != case.promised]
        requests = [one for one in requests if not one.complete]
    assert not complete, f"{told}: a request that must be refused reached the origin:\n{requests}"
    if not case.partial:
        assert not requests and mark not in site.origin.marks, told
    for one in requests:
        conn = site.origin.connection_of(one)
        assert site.origin.wait_for(lambda: conn.ended), "the upstream connection of a broken request stays open"
    if was_reset and not answer.status:
        assert answer.reset == h2.PROTOCOL_ERROR, told
        return
    assert case.outcome != "reset" or answer.reset == h2.PROTOCOL_ERROR, told
    if case.outcome != "reset":
        assert answer.status in case.statuses, told
        check_problem(answer)


def check_problem(answer: Answer) -> None:
    """As over HTTP/1: RFC 9457, with a request id, not cacheable."""
    assert answer.fields.get("content-type", "").startswith("application/problem+json"), answer.fields
    assert "no-store" in answer.fields.tokens("cache-control"), answer.fields
    problem = json.loads(bytes(answer.body))
    assert problem["status"] == answer.status and answer.fields["x-request-id"] in json.dumps(problem)
