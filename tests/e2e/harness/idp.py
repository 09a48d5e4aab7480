"""An identity provider's two documents over HTTP, with everything about them bent at will."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness.tokens import Issuer


class Provider:
    """Serves the keys of an Issuer. `answer` replaces the whole answer of a path: (status, headers, body)."""

    def __init__(self, issuer: Issuer):
        self.issuer, self.requests, self.answer, self.delay = issuer, [], {}, 0.0
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                provider.requests.append(self.path)
                time.sleep(provider.delay)
                status, headers, body = provider.answer.get(self.path) or provider.document(self.path)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *unused):
                pass

        self.start_on(0, Handler)
        issuer.url = self.url

    def start_on(self, port: int, handler) -> None:
        self.handler = handler
        ThreadingHTTPServer.daemon_threads = True
        self.server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def document(self, path: str):
        if path == "/.well-known/openid-configuration":
            body = {"issuer": self.url, "jwks_uri": self.url + "/keys"}
        elif path == "/keys":
            body = {"keys": [key.jwk for key in self.issuer.keys]}
        else:
            return 404, {}, b"{}"
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()

    def fetches(self) -> int:
        return self.requests.count("/keys")

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def restart(self) -> None:
        self.start_on(self.port, self.handler)

    def table(self, **more) -> dict:
        table = self.issuer.table(allow_http=True, allow_private=True, **more)
        del table["jwks_file"]
        return table
