"""HTTP/2 load by h2load: its command, what it says, and a check by hand that the proxy answers the case rightly."""

import math
import re
import subprocess

from cases import GRPC_ANSWER, GRPC_REQUEST


class NotAnswered(Exception):
    pass


def url(proxy, case):
    return f"{'https' if case.port == 'h2' else 'http'}://127.0.0.1:{proxy.ports[case.port]}{case.path}"


def body_file(folder, case):
    path = folder / f"{case.name}.body"
    if not path.exists():
        path.write_bytes(GRPC_REQUEST if case.is_grpc else b'{"instances":["' + b"x" * (case.body - 18) + b'"]}')
    return path


def fields(case):
    if case.is_grpc:
        return ["-H", "content-type: application/grpc", "-H", "te: trailers"]
    return ["-H", "content-type: application/json"]


def command(h2load, proxy, case, folder, seconds):
    return [h2load, "-t1", f"-c{case.connections}", f"-m{case.streams}", f"-D{math.ceil(seconds * 1000)}ms",
            "--npn-list=h2", "-d", body_file(folder, case), *fields(case), url(proxy, case)]


def understand(output, case):
    """The numbers of h2load's report. A gRPC error is a 200 without a message, so that the bytes are looked at too."""
    found = {
        "protocol": r"Application protocol: (\S+)",
        "seconds": r"finished in ([\d.]+)(m?s|us)",
        "requests": r"requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout",
        "data": r"headers \(.*\), \S+ \((\d+)\) data",
        "mean": r"time for request:\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)",
        "codes": r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx",
    }
    seen = {name: re.search(pattern, output) for name, pattern in found.items()}
    if seen["protocol"] is None or not seen["protocol"][1].startswith("h2"):
        raise NotAnswered("it does not speak HTTP/2 on this port" +
                          (f", but {seen['protocol'][1]}" if seen["protocol"] else ""))
    if any(match is None for match in seen.values()):
        raise NotAnswered("h2load said: " + " ".join(output.split())[-300:])
    done, *bad = (int(word) for word in seen["requests"].groups())
    codes = [int(word) for word in seen["codes"].groups()]
    unit = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
    if done and int(seen["data"][1]) < 0.99 * done * (len(GRPC_ANSWER) if case.is_grpc else 1):
        raise NotAnswered(f"only {int(seen['data'][1]) / done:.1f} bytes of body per answer: these are errors")
    return {"requests": codes[0], "errors": sum(bad) + sum(codes[1:]), "protocol": seen["protocol"][1],
            "seconds": float(seen["seconds"][1]) * unit[seen["seconds"][2]],
            "mean_us": float(seen["mean"][1]) * unit[seen["mean"][2]] * 1e6}


def check(h2load, nghttp, proxy, case, folder):
    """One request by h2load, for the protocol and the status; for gRPC one by nghttp too, which shows the trailers."""
    body = body_file(folder, case)
    once = [h2load, "-t1", "-c1", "-m1", "-n1", "-T3s", "-N3s", "--npn-list=h2", "-d", body, *fields(case),
            url(proxy, case)]
    told = understand(run(once), case)
    if told["requests"] != 1:
        raise NotAnswered(f"no 2xx answer over {told['protocol']}: another status, a reset, or the connection's end")
    if case.is_grpc and "grpc-status: 0" not in run([nghttp, "-v", "-t3", "-H:method: POST", *fields(case), "-d", body,
                                                     url(proxy, case)]):
        raise NotAnswered("the answer has no trailers with grpc-status 0")


def run(words):
    try:
        done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=10, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotAnswered("no answer in 10 s") from error
    return done.stdout.decode(errors="replace")
