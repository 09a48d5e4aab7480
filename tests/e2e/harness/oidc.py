"""oidc-provider of npm as a process: a real OpenID provider, certified, that knows nothing of postern."""

from __future__ import annotations

import base64
import json
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

from harness.client import PATIENCE
from harness.postern import TREE, free_port

INSTALLED = TREE / "build" / "tools" / "oidc"
SCRIPT = Path(__file__).parent.parent / "tools" / "oidc" / "provider.mjs"


class OidcProvider:
    """Starts on a free port and keeps it over restarts. `keys` is where its private keys are; without them it makes new
    ones."""

    def __init__(self, folder: Path, algorithm: str = "ES256"):
        assert (INSTALLED / "node_modules").exists(), "no oidc-provider: scripts/test installs it with npm"
        self.folder, self.algorithm, self.port = folder, algorithm, free_port()
        self.keys = folder / "keys.json"
        self.log = (folder / "provider.log").open("ab")
        self.process = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = ["node", SCRIPT, INSTALLED, self.port, self.keys, self.algorithm]
        self.process = subprocess.Popen([str(word) for word in command], stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 20 * PATIENCE
        while True:
            try:
                urllib.request.urlopen(self.url + "/jwks", timeout=5).close()
                return
            except OSError:
                log = (self.folder / "provider.log").read_text(errors="replace")[-2000:]
                assert self.process.poll() is None and time.monotonic() < deadline, f"it does not start:\n{log}"
                time.sleep(0.05)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.stop()
        self.log.close()

    def rotate(self) -> None:
        """Another key, and the old one is gone: not how one should do it."""
        self.stop()
        self.keys.unlink()
        self.start()

    def call(self, path: str, client: str = "batch", **form: str) -> dict:
        """As a client, with its secret."""
        secret = base64.b64encode(f"{client}:secret-of-{client}".encode()).decode()
        request = urllib.request.Request(
            self.url + path, urllib.parse.urlencode(form).encode(), {"Authorization": f"Basic {secret}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            body = answer.read()
        return json.loads(body) if body else {}

    def token(self, resource: str, scope: str = "predict") -> str:
        return self.call("/token", grant_type="client_credentials", scope=scope, resource=resource)["access_token"]
