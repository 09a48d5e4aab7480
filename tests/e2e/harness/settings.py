"""Configs as dicts, for tests that start their own postern."""

from __future__ import annotations

from harness.origin import Origin


def simple(
    origin: Origin | str, route: dict | None = None, upstream: dict | None = None, listener: dict | None = None, **top
) -> dict:
    """Settings with one listener, one upstream and one route for everything."""
    endpoint = origin if isinstance(origin, str) else origin.endpoint
    return {
        "listener": [{"name": "main", **(listener or {})}],
        "upstream": [{"name": "up", "endpoints": [endpoint], **(upstream or {})}],
        "route": [{"name": "all", "path": "/*", "forward": "up", **(route or {})}],
        **top,
    }
