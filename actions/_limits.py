"""Rate limits: what a plan states of an endpoint, and how what visitors saw is judged. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NotRequired, TypedDict

from runbook_app.ports.action import Run


class Stated(TypedDict):
    """A rate limit as the plan states it."""

    path: str
    limit: int
    window: timedelta
    method: NotRequired[str]
    tier: NotRequired[str]
    body: NotRequired[Any]
    headers: NotRequired[dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    method: str
    path: str
    limit: int
    window: float
    """Seconds."""
    tier: str
    body: object | None
    headers: Mapping[str, str]

    @classmethod
    def of(cls, stated: Stated) -> Endpoint:
        return cls(
            method=stated.get("method", "GET").upper(),
            path=stated["path"],
            limit=stated["limit"],
            window=stated["window"].total_seconds(),
            tier=stated.get("tier", ""),
            body=stated.get("body"),
            headers=stated.get("headers", {}),
        )

    @property
    def label(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def request(self) -> dict[str, Any]:
        request: dict[str, Any] = {
            "method": self.method,
            "path": self.path,
            "headers": dict(self.headers),
        }
        if self.body is not None:
            request["json"] = self.body
        return request


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """The time in which the first visitor was refused, by the machine's clock."""

    since: float
    until: float

    def covers(self, moment: float) -> bool:
        return self.since <= moment < self.until


def judge(run: Run, endpoint: Endpoint, visit: Mapping[str, Any]) -> Blocked | None:
    """Record what the first visitor met; return when it was refused, if all went as stated."""
    passed = [status for status in visit["statuses"] if 0 < status < 500 and status != 429]
    label = f"{endpoint.label} ({endpoint.tier})" if endpoint.tier else endpoint.label
    exact = run.equals(f"{label}: passed", len(passed), endpoint.limit, "requests")
    refused, wait = visit["refused"], visit["retry_after"]
    run.equals(f"{label}: next one", refused["status"], 429)
    run.require(
        f"{label}: Retry-After",
        wait is not None and 1 <= wait <= endpoint.window,
        "absent or no whole number" if wait is None else f"{wait} s",
    )
    again = visit["again"]
    if not exact or refused["status"] != 429 or again is None:
        return None
    run.require(
        f"{label}: after the wait",
        again["status"] not in (0, 429),
        f"answered {again['status']} after {wait} s",
    )
    return Blocked(since=refused["at"], until=again["sent"])


def judge_second_address(
    run: Run, endpoint: Endpoint, seen: Sequence[Mapping[str, Any]], blocked: Blocked
) -> bool:
    """Record what another address met while the first was refused; false when it met nothing."""
    statuses = [answer["status"] for answer in seen if blocked.covers(answer["at"])]
    if not statuses:
        return False
    run.require(
        f"{endpoint.label}: second address",
        all(status not in (0, 429) for status in statuses),
        f"answered {', '.join(str(status) for status in statuses)}",
    )
    return True
