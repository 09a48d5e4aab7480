"""Load against one proxy for one case: wrk and h2load for requests, sseload for events, tlsload for handshakes and for
idle connections.

Each function returns one sample (a dict of numbers), or raises Failed with a line that says what went wrong."""

import http.client
import json
import math
import select
import signal
import ssl
import subprocess
import time

import h2
from cases import EVENTS_PER_SECOND
from measure import cpu_seconds, memory_bytes

SCRIPT = """wrk.method = "{method}"
if {body} > 0 then
  wrk.body = '{{"instances":["' .. string.rep("x", {body} - 18) .. '"]}}'
  wrk.headers["Content-Type"] = "application/json"
end
if "{token}" ~= "" then wrk.headers["Authorization"] = "Bearer {token}" end
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
    def __init__(self, children, cpus, tools, folder, token=""):
        """`tools`: the paths of wrk, tlsload, sseload, h2load and nghttp, by name; `token`: of the cases with one."""
        self._children, self._cpus, self._token = children, cpus, token
        self._tools, self._folder = tools, folder

    def check(self, proxy, case):
        """One request by hand: a proxy that does not answer the case rightly must not win it."""
        if case.kind == "h2":
            try:
                h2.check(self._tools["h2load"], self._tools["nghttp"], proxy, case, self._folder)
            except h2.NotAnswered as failure:
                raise Failed(str(failure)) from failure
            return
        status, size = self._ask(proxy, case, self._token)
        expected = case.path.rpartition("/")[2] if case.path.startswith("/bytes/") else None
        if status != 200 or size == 0 or (expected and size != int(expected)):
            raise Failed(f"answered {status} with {size} bytes")
        if case.has_token and proxy.name != "nginx":  # whose daemon says yes to everything
            middle = len(self._token) - 100
            forged = self._token[:middle] + ("A" if self._token[middle] != "A" else "B") + self._token[middle + 1:]
            if self._ask(proxy, case, forged)[0] != 401:
                raise Failed("believes a forged token")

    @staticmethod
    def _ask(proxy, case, token):
        """Status and size of the answer to one request."""
        port = proxy.ports[case.port]
        context = ssl._create_unverified_context() if case.port == "tls" else None
        connection = (http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context) if context
                      else http.client.HTTPConnection("127.0.0.1", port, timeout=5))
        try:
            headers = {"Authorization": f"Bearer {token}"} if case.has_token else {}
            connection.request(case.method, case.path, body=b"x" * case.body if case.body else None, headers=headers)
            answer = connection.getresponse()
            size = len(answer.readline() if case.kind == "sse" else answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"no answer: {error}") from error
        finally:
            connection.close()
        return answer.status, size

    def run(self, proxy, case, seconds):
        """One slice of load, with the CPU time that the proxy's processes spent in it."""
        load = {"wrk": self._wrk_slice, "h2": self._h2_slice, "sse": self._events, "handshake": self._handshakes}
        begun = cpu_seconds(proxy.pids)
        told = load[case.kind](proxy, case, seconds)
        begun, ended = told.pop("cpu", None) or (begun, cpu_seconds(proxy.pids))
        if not proxy.alive():
            raise Failed("the proxy has ended")
        if told["requests"] == 0:
            raise Failed(f"nothing completed ({told['errors']} errors)")
        if case.resume and told["resumed"] < told["requests"] * 0.99:
            raise Failed(f"only {told['resumed']} of {told['requests']} handshakes were resumed")
        cpu, kernel = ended[0] - begun[0], ended[1] - begun[1]
        sample = {"requests_per_second": told["requests"] / told["seconds"], "errors": 0, "protocol": "", **told}
        if proxy.pids:  # not so the origin itself, where it is measured without a proxy
            sample["us_per_request"] = cpu * 1e6 / told["requests"]
            sample["kernel_share"] = min(1.0, kernel / cpu) if cpu > 0 else 0.0
            sample["busy"] = cpu / told["seconds"]
            sample["rss_bytes"] = memory_bytes(proxy.pids)[0]
        return sample

    def _wrk_slice(self, proxy, case, seconds):
        script = self._folder / f"{case.name}.lua"
        if not script.exists():
            script.write_text(SCRIPT.format(method=case.method, body=case.body, close=str(case.close).lower(),
                                            token=self._token if case.has_token else ""))
        scheme = "https" if case.port == "tls" else "http"
        url = f"{scheme}://127.0.0.1:{proxy.ports[case.port]}{case.path}"
        # wrk knows whole seconds only; an interrupt ends it at any time, with its whole report.
        command = [self._tools["wrk"], "-t1", f"-c{case.connections}", f"-d{math.ceil(seconds) + 5}s", "-s", script,
                   url]
        output = self._finish(command, seconds, signal.SIGINT)
        for line in output.splitlines():
            if line.startswith("SAMPLE "):
                return json.loads(line[7:])
        raise Failed("wrk said: " + output.strip()[-200:])

    def _h2_slice(self, proxy, case, seconds):
        command = h2.command(self._tools["h2load"], proxy, case, self._folder, seconds)
        try:
            return h2.understand(self._finish(command, seconds + 10, signal.SIGTERM), case)
        except h2.NotAnswered as failure:
            raise Failed(str(failure)) from failure

    def _events(self, proxy, case, seconds):
        """Opens all streams, and measures only then: a thousand connections cost as much as many thousand events."""
        command = [self._tools["sseload"], "--port", proxy.ports["sse"], "--path", case.path,
                   "--streams", case.connections]
        child = self._children.start(command, self._cpus, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True)
        try:
            line = self._first_line(child)
            if line != "ready":
                raise Failed("sseload said: " + line)
            time.sleep(0.1)
            begun = cpu_seconds(proxy.pids)
            child.stdin.write("go\n")
            child.stdin.flush()
            time.sleep(seconds)
            ended = cpu_seconds(proxy.pids)
            output = child.communicate("stop\n", timeout=10)[0]
            told = json.loads(output.strip().splitlines()[-1])
        except (OSError, ValueError, IndexError, subprocess.TimeoutExpired) as error:
            output = child.stdout.read() if isinstance(error, OSError) else str(error)
            raise Failed("sseload said: " + output.strip()[-200:]) from error
        finally:
            self._children.stop(child)
        told["share_sent"] = told["requests"] / told["seconds"] / (case.connections * EVENTS_PER_SECOND)
        return {**told, "errors": told["lost"], "cpu": (begun, ended)}

    @staticmethod
    def _first_line(child):
        ready = select.select([child.stdout], [], [], 20)[0]
        return child.stdout.readline().strip() if ready else "it does not get its connections"

    def _handshakes(self, proxy, case, seconds):
        command = [self._tools["tlsload"], "--port", proxy.ports["tls"], "--seconds", f"{seconds:.3f}",
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
        command = [self._tools["tlsload"], "--port", proxy.ports[case.port], "--idle", count]
        child = self._children.start(command + (["--plain"] if case.port == "plain" else []), self._cpus,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        line = self._first_line(child)
        if not line.startswith('{"idle"'):
            self._children.stop(child)
            raise Failed("tlsload said: " + line)
        time.sleep(0.2)  # what the last request left behind is put away
        return child

    @staticmethod
    def process(proxy):
        resident, proportional = memory_bytes(proxy.pids)
        return {"rss_bytes": resident, "pss_bytes": proportional}
