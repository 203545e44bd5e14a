"""Input that no honest client sends, as requests of a visitor."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

OVERSIZED = 2_000_000
DEEP = 5_000

_VALUES = {
    "SQL in a number": "1' OR '1'='1",
    "SQL that would drop": "1; DROP TABLE users --",
    "a number beyond every type": "9" * 400,
    "a number that is none": "NaN",
    "a zero byte": "1\0",
    "markup in a number": "<script>alert(1)</script>",
    "a template in a number": "{{7*7}}${7*7}",
}


def hostile_requests(body: str, query: str) -> dict[str, dict[str, Any]]:
    """Requests by what is wrong with each."""
    return {
        **{name: {"path": query + quote(value, safe="")} for name, value in _VALUES.items()},
        "a path that climbs": {"path": "/api/v1/../../../etc/passwd"},
        "a path that climbs, encoded": {"path": "/api/v1/%2e%2e/%2e%2e/etc/passwd"},
        "malformed JSON": _post(body, '{"email": '),
        "other types": _post(body, '{"email": [1], "password": {"a": null}}'),
        "deep nesting": _post(body, "[" * DEEP + "]" * DEEP),
        "no text at all": _post(body, "\ud800\0\x07"),
        "oversized": {"method": "POST", "path": body, "size": OVERSIZED},
    }


def _post(path: str, text: str) -> dict[str, Any]:
    return {"method": "POST", "path": path, "text": text}
