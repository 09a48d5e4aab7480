"""An honest client in a process of its own: a request every 5 ms, over HTTP/1.1 and HTTP/2 in turn, both kept alive.

`python -m attacks.probe HOST PORT` runs until its standard input ends, then prints its latencies as JSON.
"""

from __future__ import annotations

import gc
import json
import select
import sys
import time

from harness.client import RawClient
from harness.h2_client import H2Client

PAUSE = 0.005


def main(host: str, port: int) -> None:
    gc.disable()
    first, second = RawClient((host, port)), H2Client((host, port))
    times, errors = [], []
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], PAUSE)[0]:
        start = time.monotonic()
        try:
            if len(times) % 2:
                answer = first.get("/local")
            else:
                answer = second.get("/local")
                second.answers.clear()
                second.stream_windows.clear()
                second.seen.clear()
            assert answer.status == 200, answer.status
        except Exception as problem:  # noqa: BLE001 (whatever it is, it is the result)
            errors.append(f"{type(problem).__name__}: {problem}")
            first, second = RawClient((host, port)), H2Client((host, port))
        times.append(time.monotonic() - start)
    times.sort()
    at = {f"p{part}": times[min(len(times) - 1, len(times) * part // 100)] for part in (50, 90, 99)}
    print(json.dumps({"count": len(times), "errors": errors[:5], "failed": len(errors), "max": times[-1], **at}))


main(sys.argv[1], int(sys.argv[2]))
