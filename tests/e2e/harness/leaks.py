"""No secret stands in what postern writes about itself: every log, access log, audit file, stderr and stdout of the suite
is searched for the secrets that the tests make and send, in the spellings that a careless line may have.

Secrets are told by who makes them (`add`), and found in what the clients send (`notice`): credentials of headers. The
fixture in conftest.py asks `find()` behind each test, so that the test fails that has leaked."""

from __future__ import annotations

import base64
import gzip
import re
from pathlib import Path
from urllib.parse import quote_from_bytes

SHORTEST = 12  # of what is looked for: a shorter one may stand in a log by chance
OVERLAP = 8192  # bytes looked at twice, because a line may have been half written
HEAD = 65536  # of what a client sends at once, the part that may be heads
NAMES = (b"authorization", b"proxy-authorization", b"cookie", b"x-api-key", b"x-auth-token", b"dpop")
CREDENTIAL = re.compile(rb"(?im)^(%s):[ \t]*([^\r\n]*)" % b"|".join(NAMES))
SHAPES = {
    "a JSON Web Token": re.compile(rb"eyJ[A-Za-z0-9_-]{6,}\.eyJ[A-Za-z0-9_-]{2,}\."),
    "a private key": re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY"),
}

known: dict[bytes, None] = {}  # all of the session, in the order in which they came
in_test: dict[bytes, None] = {}  # made or sent by this test
before: dict[bytes, None] = {}  # or the one before: postern logs a request when its answer has been read
watched: list["Watch"] = []
heard = bytearray()  # what postern has told others about itself, since the last look


def add(secret: str | bytes) -> None:
    secret = secret.encode() if isinstance(secret, str) else bytes(secret)
    if len(secret) >= SHORTEST:
        known[secret] = in_test[secret] = None


def notice(sent: bytes) -> None:
    """Credentials in the heads of HTTP/1 requests."""
    sent = sent[:HEAD]
    heads = sent.lower()
    if any(name in heads for name in NAMES):
        for found in CREDENTIAL.finditer(sent):
            notice_field(found[1], found[2])


def notice_field(name: bytes, value: bytes) -> None:
    if name.lower() not in NAMES:
        return
    if name.lower() == b"cookie":
        for pair in value.split(b";"):
            add(pair.partition(b"=")[2].strip() or pair.strip())
        return
    scheme, _, rest = value.strip().partition(b" ")
    add(rest.strip() or scheme)
    if scheme.lower() == b"basic":
        try:
            add(base64.b64decode(rest).partition(b":")[2])
        except ValueError:
            pass  # what is no base64 carries no password


def notice_config(settings, key: str = "") -> None:
    """What stands in files that a config names: private keys, and secrets that are shared."""
    if isinstance(settings, dict):
        for name, value in settings.items():
            notice_config(value, name)
    elif isinstance(settings, (list, tuple)):
        for value in settings:
            notice_config(value, key)
    elif isinstance(settings, str) and settings.startswith("/") and "\n" not in settings:
        path = Path(settings)
        if not path.is_file() or path.stat().st_size > 65536:
            return
        text = path.read_bytes()
        if "secret" in key:
            add(text.strip())
        for block in re.findall(rb"PRIVATE KEY-----\n(.*?)\n-----END", text, re.S):
            for line in block.split(b"\n"):
                add(line)


def spellings(secret: bytes) -> set[bytes]:
    """A stretch of it, as it is and as it may stand within something that is written in base64, hex or for a URL."""
    part = secret[-24:]  # the end: tokens begin alike
    found = {part, part.hex().encode(), part.hex().upper().encode(), quote_from_bytes(part, safe="").encode()}
    for shift in range(3):  # where in the three bytes of a group it begins; what its neighbours have a share in is left
        text = base64.b64encode(bytes(shift) + part)
        text = text[(0, 2, 3)[shift] : -4 if (len(part) + shift) % 3 else None]
        found |= {text, text.replace(b"+", b"-").replace(b"/", b"_")}
    return found


def needles_of(secrets) -> dict[bytes, bytes]:
    return {needle: secret for secret in secrets for needle in spellings(secret)}


def look(text: bytes, needles: dict[bytes, bytes]):
    for needle, secret in needles.items():
        if needle in text:
            yield f"{secret[:6].decode(errors='replace')}... ({len(secret)} bytes), as {needle[:60]!r}"
    for name, shape in SHAPES.items():
        if found := shape.search(text):
            yield f"{name}: {found[0][:60]!r}"


class Watch:
    """The files that one postern writes."""

    def __init__(self, settings: dict, *paths: Path):
        self.paths = list(paths)
        self.first = len(known)  # secrets from here on are of its life
        self.seen: dict[tuple, int] = {}  # bytes by device and inode
        self.ended = False
        self.use(settings)
        watched.append(self)

    def use(self, settings: dict) -> None:
        """Also what a reload adds."""
        if not isinstance(settings, dict):
            return
        named = [settings.get(table, {}).get("path", "") for table in ("access_log", "log")]
        named += [stream.get("file", "") for stream in settings.get("audit", [])]
        self.paths += [Path(path) for path in named if path.startswith("/") and Path(path) not in self.paths]
        notice_config(settings)

    def files(self):
        for path in self.paths:
            yield path
            if path.suffix != ".lock":
                yield from path.parent.glob(f"{glob_safe(path.name)}.*")  # those that were rotated

    def search(self, secrets):
        """(file, what) of all that is found in what was written since the last time."""
        needles = None
        for path in self.files():
            try:
                status = path.stat()
                key = (status.st_dev, status.st_ino)
                if not path.is_file() or status.st_size == self.seen.get(key, 0):
                    continue
                with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
                    file.seek(max(0, self.seen.get(key, 0) - OVERLAP))
                    text = file.read()
                self.seen[key] = status.st_size
            except (OSError, EOFError):
                continue  # it is being rotated, or packed: it comes again under another name
            if needles is None:
                needles = needles_of(secrets)
            for what in look(text, needles):
                yield path, what


def glob_safe(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


def begin_test() -> None:
    before.clear()
    before.update(in_test)
    in_test.clear()


def find() -> list[str]:
    """What postern has written since the last time that it should not have."""
    told = bytes(heard)
    heard.clear()
    needles = needles_of({**before, **in_test}) if told else {}
    found = [f"a collector was told {what}" for what in look(told, needles)]
    for one in list(watched):
        secrets = {**before, **in_test}
        if one.ended:  # the last look: its last words may be about what came from other tests
            secrets.update(dict.fromkeys(list(known)[one.first :]))
            watched.remove(one)
        found += [f"{path} holds {what}" for path, what in one.search(secrets)]
    return found
