"""Scripts for origins, and what tests ask about the connections that they answered on."""

from __future__ import annotations

HEAD = b"HTTP/1.1 200 OK\r\nX-Origin: 1\r\n"


def raw(data: bytes):
    """A script that answers with these bytes."""
    return lambda conn, request: conn.send(data)


def is_discarded(site, path: str) -> None:
    """The upstream connection that answered `path` is closed, not kept for others."""
    conn = site.origin.connection_of(site.origin.last(path))
    assert site.origin.wait_for(lambda: conn.ended), f"the upstream connection of {path} is still open"
    assert conn.requests[-1].target == path, "the connection was used again"
