"""Processes are roles of one code base. This table rules them: locally one dispatcher on one port
sends each request to its role; in production it renders the proxy's configuration.
"""

from __future__ import annotations

# Longest prefix first. What is not listed is `web`.
PREFIXES: tuple[tuple[str, str], ...] = (
    ("/hooks/", "ingest"),
    ("/live/", "live"),
)
WEB = "web"


def role_of(path: str) -> str:
    """Role that answers a path; an ASGI websocket is always `live`."""
    for prefix, role in PREFIXES:
        if path.startswith(prefix):
            return role
    return WEB
