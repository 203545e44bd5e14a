"""Rate limits: a fixed window for each client address and limited endpoint, opened by the first request in it.

The limit is checked before authentication and validation, so a request that ends in 401 or 422 counts too. Counters
live in this process: they are lost on restart, and the service runs as one worker.
"""

import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from starlette.responses import JSONResponse
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True, kw_only=True)
class Tier:
    name: str
    limit: int
    """Requests a window."""
    window: int
    """Seconds."""


AUTH = Tier(name="auth", limit=5, window=20)
WRITE = Tier(name="write", limit=10, window=20)
READ = Tier(name="read", limit=20, window=20)


@dataclass(frozen=True, kw_only=True)
class Rule:
    tier: Tier
    method: str
    path: str
    """A route's template."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return compile_path(self.path)[0]

    def covers(self, method: str, path: str) -> bool:
        return method == self.method and self.pattern.match(path) is not None


RULES: tuple[Rule, ...] = (
    Rule(tier=AUTH, method="POST", path="/api/v1/auth/login"),
    Rule(tier=AUTH, method="POST", path="/api/v1/auth/password"),
    Rule(tier=WRITE, method="POST", path="/api/v1/customers"),
    Rule(tier=WRITE, method="PATCH", path="/api/v1/customers/{customer_id}"),
    Rule(tier=WRITE, method="DELETE", path="/api/v1/customers/{customer_id}"),
    Rule(tier=WRITE, method="POST", path="/api/v1/customers/{customer_id}/orders"),
    Rule(tier=READ, method="GET", path="/api/v1/customers"),
    Rule(tier=READ, method="GET", path="/api/v1/customers/{customer_id}"),
    Rule(tier=READ, method="GET", path="/api/v1/reports/revenue"),
)

Key = tuple[str, Rule]


@dataclass(slots=True, kw_only=True)
class Window:
    ends: float
    used: int = 0


@dataclass(kw_only=True)
class FixedWindows:
    clock: Callable[[], float] = time.monotonic
    sweep_above: int = 10_000
    """Number of windows from which closed ones are looked for, so that many clients can't fill the memory."""
    windows: dict[Key, Window] = field(default_factory=dict)

    def hit(self, key: Key) -> int | None:
        """Count one request; return the seconds to wait when it is one too many."""
        tier, now = key[1].tier, self.clock()
        window = self.windows.get(key)
        if window is None or now >= window.ends:
            self._sweep(now)
            window = self.windows[key] = Window(ends=now + tier.window)
        if window.used >= tier.limit:
            return max(1, math.ceil(window.ends - now))
        window.used += 1
        return None

    def _sweep(self, now: float) -> None:
        if len(self.windows) >= self.sweep_above:
            self.windows = {key: window for key, window in self.windows.items() if window.ends > now}


class RateLimitMiddleware:
    def __init__(self, app: ASGIApp, rules: Sequence[Rule] = RULES, windows: FixedWindows | None = None) -> None:
        self.app = app
        self.rules = rules
        self.windows = windows or FixedWindows()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wait = self._wait(scope) if scope["type"] == "http" else None
        if wait is None:
            await self.app(scope, receive, send)
            return
        response = JSONResponse({"detail": "Too many requests"}, status_code=429, headers={"Retry-After": str(wait)})
        await response(scope, receive, send)

    def _wait(self, scope: Scope) -> int | None:
        path = scope["path"]
        for rule in self.rules:
            if rule.covers(scope["method"], path):
                client = scope.get("client")
                return self.windows.hit((client[0] if client else "unknown", rule))
        return None
