"""Every HTTP/1 input of the catalogue, split in two at every byte boundary and sent byte by byte: the same outcome."""

from __future__ import annotations

import pytest

from catalogue import bodies, framing, semantics, syntax, targets
from catalogue.case import Case
from harness.flight import make, whole

CASES = [case for table in (framing, bodies, syntax, targets, semantics) for case in table.all_cases()]
AT_ONCE = 256
#: Inputs up to this length are split everywhere; in longer ones the repetitive middle is sampled.
EVERYWHERE = 1200


def boundaries(case: Case) -> list[int]:
    size = len(case.wire)
    if size <= EVERYWHERE:
        return list(range(1, size))
    step = max(1, size // 150)
    return sorted({*range(1, 200), *range(200, size - 200, step), *range(size - 200, size)})


def byte_by_byte(case: Case) -> list[int]:
    """Cuts everywhere for short inputs; longer ones in pieces so that the number of rounds stays bounded."""
    step = max(1, len(case.wire) // 400)
    return list(range(step, len(case.wire), step))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_split_anywhere(pilot, case):
    expected = pilot.fly([whole(case)])[0]
    cuts = [[at] for at in boundaries(case)]
    for start in range(0, len(cuts), AT_ONCE):
        flights = pilot.fly([make(case, cut) for cut in cuts[start : start + AT_ONCE]])
        pilot.judge(flights)
        for flight in flights:
            assert flight.outcome()[:2] == expected.outcome()[:2], f"{case.id} cut at {len(flight.segments[0])}"
    slow = pilot.fly([make(case, byte_by_byte(case))])
    pilot.judge(slow)
    assert slow[0].outcome()[:2] == expected.outcome()[:2], f"{case.id} byte by byte"
