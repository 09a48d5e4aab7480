"""An identity provider over HTTP: its two documents, and what it says of tokens (RFC 7662), with everything about them
bent at will."""

from __future__ import annotations

import base64
import json
import secrets
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote_plus

from harness.tokens import AUDIENCE, Issuer

CLIENT, SECRET = "postern gate", "a secret/with: odd+letters%"


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *unused):
        """Clients may leave."""


class Provider:
    """Serves the keys of an Issuer. `answer` replaces the whole answer of a path: (status, headers, body)."""

    def __init__(self, issuer: Issuer, tls: ssl.SSLContext | None = None):
        self.tls = tls
        self.issuer, self.requests, self.answer, self.delay = issuer, [], {}, 0.0
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                provider.requests.append(self.path)
                time.sleep(provider.delay)
                status, headers, body = provider.answer.get(self.path) or provider.get(self.headers, self.path)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if provider.stopped:  # connections that were kept end with it
                    self.close_connection = True
                    return
                provider.requests.append(self.path)
                time.sleep(provider.delay)
                status, headers, answer = provider.answer.get(self.path) or provider.introspect(self.headers, body)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(answer)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *unused):
                pass

        self.opaque: dict[str, dict] = {}  # what is known of each
        self.asked: list[str] = []
        self.start_on(0, Handler)
        issuer.url = self.url

    def start_on(self, port: int, handler) -> None:
        self.handler, self.stopped = handler, False
        self.server = Server(("127.0.0.1", port), handler)
        if self.tls:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def get(self, headers, path: str):
        return self.document(path)

    def document(self, path: str):
        if path == "/.well-known/openid-configuration":
            body = {"issuer": self.url, "jwks_uri": self.url + "/keys"}
        elif path == "/keys":
            body = {"keys": [key.jwk for key in self.issuer.keys]}
        else:
            return 404, {}, b"{}"
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()

    def opaque_token(self, prefix: str = "", **claims) -> str:
        """Claims that are None are left out."""
        now = int(time.time())
        given = {"sub": "alice", "aud": AUDIENCE, "iss": self.issuer.url, "exp": now + 600, "iat": now, **claims}
        token = prefix + secrets.token_urlsafe(24)
        self.opaque[token] = {name: value for name, value in given.items() if value is not None}
        return token

    def revoke(self, token: str) -> None:
        del self.opaque[token]

    def introspect(self, headers, body: bytes):
        """RFC 7662: who asks has to say who it is; what is not known is not active, and nothing more."""
        scheme, _, pair = headers.get("Authorization", "").partition(" ")
        client, _, secret = base64.b64decode(pair).decode().partition(":") if scheme == "Basic" else ("", "", "")
        if (unquote_plus(client), unquote_plus(secret)) != (CLIENT, SECRET):
            return 401, {"WWW-Authenticate": "Basic"}, b""
        if headers.get("Content-Type") != "application/x-www-form-urlencoded":
            return 415, {}, b""
        form = parse_qs(body.decode(), strict_parsing=True)
        [token] = form["token"]
        assert form["token_type_hint"] == ["access_token"]
        self.asked.append(token)
        claims = self.opaque.get(token)
        answer = {"active": False} if claims is None else {"active": True, **claims}
        return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()

    def introspection(self, **more) -> dict:
        """What an [[issuer]] table says of it, beside the rest."""
        file = Path(self.issuer.folder) / f"{self.issuer.name}.secret"
        file.write_text(SECRET + "\n")
        url = self.url + "/introspect"
        return {"introspection_url": url, "introspection_client_id": CLIENT,
                "introspection_secret_file": str(file), **more}  # fmt: skip

    def fetches(self) -> int:
        return self.requests.count("/keys")

    def stop(self) -> None:
        self.stopped = True
        self.server.shutdown()
        self.server.server_close()

    def restart(self) -> None:
        self.start_on(self.port, self.handler)

    def table(self, **more) -> dict:
        table = self.issuer.table(allow_http=True, allow_private=True, **more)
        del table["jwks_file"]
        return table
