"""Load against one proxy for one case: wrk for requests, tlsload for handshakes and for idle connections.

Each function returns one sample (a dict of numbers), or raises Failed with a line that says what went wrong."""

import http.client
import json
import math
import select
import signal
import ssl
import subprocess
import time

from measure import cpu_seconds, memory_bytes

SCRIPT = """wrk.method = "{method}"
if {body} > 0 then
  wrk.body = '{{"instances":["' .. string.rep("x", {body} - 18) .. '"]}}'
  wrk.headers["Content-Type"] = "application/json"
end
if {close} then wrk.headers["Connection"] = "close" end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\nSAMPLE {{"requests":%d,"seconds":%.6f,"p50_us":%d,"p99_us":%d,"errors":%d}}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


class Failed(Exception):
    pass


class Loader:
    def __init__(self, children, cpus, wrk, tlsload, folder):
        self._children, self._cpus = children, cpus
        self._wrk, self._tlsload, self._folder = wrk, tlsload, folder

    def check(self, proxy, case):
        """One request by hand: a proxy that does not answer the case rightly must not win it."""
        port = proxy.ports[case.port]
        context = ssl._create_unverified_context() if case.port == "tls" else None
        connection = (http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context) if context
                      else http.client.HTTPConnection("127.0.0.1", port, timeout=5))
        try:
            connection.request(case.method, case.path, body=b"x" * case.body if case.body else None)
            answer = connection.getresponse()
            size = len(answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"no answer: {error}") from error
        finally:
            connection.close()
        expected = case.path.rpartition("/")[2] if case.path.startswith("/bytes/") else None
        if answer.status != 200 or size == 0 or (expected and size != int(expected)):
            raise Failed(f"answered {answer.status} with {size} bytes")

    def run(self, proxy, case, seconds):
        """One slice of load, with the CPU time that the proxy's processes spent in it."""
        begun, kernel_begun = cpu_seconds(proxy.pids)
        told = self._wrk_slice(proxy, case, seconds) if case.kind == "wrk" else self._handshakes(proxy, case, seconds)
        ended, kernel_ended = cpu_seconds(proxy.pids)
        if not proxy.alive():
            raise Failed("the proxy has ended")
        if told["requests"] == 0:
            raise Failed(f"nothing completed ({told['errors']} errors)")
        if case.resume and told["resumed"] < told["requests"] * 0.99:
            raise Failed(f"only {told['resumed']} of {told['requests']} handshakes were resumed")
        cpu = ended - begun
        return {
            "us_per_request": cpu * 1e6 / told["requests"],
            "kernel_share": min(1.0, (kernel_ended - kernel_begun) / cpu) if cpu > 0 else 0.0,
            "requests_per_second": told["requests"] / told["seconds"],
            "p50_us": told["p50_us"],
            "p99_us": told["p99_us"],
            "busy": cpu / told["seconds"],
            "rss_bytes": memory_bytes(proxy.pids)[0],
            "requests": told["requests"],
            "errors": told["errors"],
            "protocol": told.get("protocol", ""),
        }

    def _wrk_slice(self, proxy, case, seconds):
        script = self._folder / f"{case.name}.lua"
        if not script.exists():
            script.write_text(SCRIPT.format(method=case.method, body=case.body, close=str(case.close).lower()))
        scheme = "https" if case.port == "tls" else "http"
        url = f"{scheme}://127.0.0.1:{proxy.ports[case.port]}{case.path}"
        # wrk knows whole seconds only; an interrupt ends it at any time, with its whole report.
        command = [self._wrk, "-t1", f"-c{case.connections}", f"-d{math.ceil(seconds) + 5}s", "-s", script, url]
        output = self._finish(command, seconds, signal.SIGINT)
        for line in output.splitlines():
            if line.startswith("SAMPLE "):
                return json.loads(line[7:])
        raise Failed("wrk said: " + output.strip()[-200:])

    def _handshakes(self, proxy, case, seconds):
        command = [self._tlsload, "--port", proxy.ports["tls"], "--seconds", f"{seconds:.3f}",
                   "--connections", case.connections] + (["--resume"] if case.resume else [])
        output = self._finish(command, seconds + 5, signal.SIGTERM)
        try:
            return json.loads(output.strip().splitlines()[-1])
        except (IndexError, ValueError) as error:
            raise Failed("tlsload said: " + output.strip()[-200:]) from error

    def _finish(self, command, seconds, number):
        """The output of a command that gets the signal when it has not ended by then."""
        child = self._children.start(command, self._cpus, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            try:
                return child.communicate(timeout=seconds)[0]
            except subprocess.TimeoutExpired:
                child.send_signal(number)
                return child.communicate(timeout=10)[0]
        except subprocess.TimeoutExpired as error:
            raise Failed("the load does not end") from error
        finally:
            self._children.stop(child)

    def idle(self, proxy, case, count):
        """Bytes per idle connection: the slope between `count / 4` held connections and `count` more. What a proxy
        needs once (its first connections, its pool to the origin) is thus not divided among them."""
        held = []
        try:
            held.append(self._hold(proxy, case, max(1, count // 4)))
            before = memory_bytes(proxy.pids)
            held.append(self._hold(proxy, case, count))
            after = memory_bytes(proxy.pids)
        finally:
            for child in held:
                self._children.stop(child)
        if not proxy.alive():
            raise Failed("the proxy has ended")
        return {"bytes_per_connection": (after[0] - before[0]) / count, "connections": count,
                "rss_bytes": after[0], "pss_bytes": after[1]}

    def _hold(self, proxy, case, count):
        command = [self._tlsload, "--port", proxy.ports[case.port], "--idle", count]
        child = self._children.start(command + (["--plain"] if case.port == "plain" else []), self._cpus,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        ready = select.select([child.stdout], [], [], 20)[0]
        line = child.stdout.readline() if ready else "it does not get its connections"
        if not line.startswith('{"idle"'):
            self._children.stop(child)
            raise Failed("tlsload said: " + line.strip())
        time.sleep(0.2)  # what the last request left behind is put away
        return child

    @staticmethod
    def process(proxy):
        resident, proportional = memory_bytes(proxy.pids)
        return {"rss_bytes": resident, "pss_bytes": proportional}
