"""What the API promises: its limits, its contract, its speed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from actions import _hostile, _limits, _openapi, _stack
from actions._limits import Stated
from actions._stack import Entrance
from runbook_app.domain.clock import format_duration
from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.action import Run, check, probe
from runbook_app.ports.capabilities import Latency

_READ = (
    "import sys, urllib.request; "
    "sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())"
)
_START = timedelta(seconds=60)
"""What a throwaway container may take beside the waiting that is its work."""


@probe
async def rate_limits(
    run: Run,
    *,
    endpoints: list[Stated],
    base_url: str = "",
    service: str = "api",
    port: int = 0,
    ca: str = "certs/ca.pem",
    parallel: int = 9,
) -> None:
    """Use up each endpoint's limit for real, each from a throwaway container with its own address.

    Each of `endpoints` is `{method, path, limit, window}`, and `tier`, `body`, `headers` where
    needed. Exactly `limit` requests pass though each claims another address in X-Forwarded-For,
    the next is refused with a whole Retry-After, another address passes meanwhile, and after the
    stated wait the first passes again. Without a `base_url` (seen from the stack's network) the
    visitors take the way that clients take: through the proxy when one runs, which shows that it
    keeps clients apart, else straight to the API.
    """
    stated = [_limits.Endpoint.of(given) for given in endpoints]
    entrance = await _stack.entrance(run, base_url=base_url, service=service, port=port, ca=ca)
    run.measure("asked at", entrance.url)
    done = 0
    for start in range(0, len(stated), parallel):
        batch = stated[start : start + parallel]
        await _stack.fresh_quotas(run, max(endpoint.window for endpoint in stated))
        run.progress(f"{done} of {len(stated)} rate limits")
        await _probe_batch(run, service, entrance, batch)
        done += len(batch)
    run.equals("endpoints probed", done, len(stated))


async def _probe_batch(
    run: Run, service: str, entrance: Entrance, batch: Sequence[_limits.Endpoint]
) -> None:
    """Probe some endpoints side by side, with one witness at another address meanwhile."""
    longest = timedelta(seconds=max(endpoint.window for endpoint in batch))
    visits = [
        _stack.visit(
            run,
            service,
            entrance.order("limit", request=endpoint.request, limit=endpoint.limit),
            longest + _START,
        )
        for endpoint in batch
    ]
    watch = _stack.visit(run, service, _witness(entrance, batch), longest + _START)
    seen, *visited = await _together(watch, *visits)
    for place, (endpoint, visit) in enumerate(zip(batch, visited, strict=True)):
        blocked = _limits.judge(run, endpoint, visit)
        answers = [answers[place] for answers in seen["seen"]]
        if blocked and not _limits.judge_second_address(run, endpoint, answers, blocked):
            raise NotMeasured(
                f"No second address asked {endpoint.label} while the first was refused.",
                hint="The machine was too busy; retry with a smaller 'parallel'.",
            )


@check
async def hostile_input(
    run: Run,
    *,
    endpoints: list[_hostile.Stated],
    headers: dict[str, str] | list[str],
    known: list[_hostile.Known] | None = None,
    base_url: str = "",
    service: str = "api",
    port: int = 0,
    ca: str = "certs/ca.pem",
    batch: int = 4,
    timeout: timedelta = timedelta(minutes=3),
) -> None:
    """Find oversized, malformed and hostile input refused: 4xx with the headers, never 5xx.

    Each of `endpoints` is `{method, path}` with what it takes: `fields` (two texts of a JSON body),
    `query` (a parameter that is a number), `below: true` (paths below it). All is sent without a
    token, so nothing is written even where something is let through. `headers` are as in
    http.security_headers. `known` lists defects that the plan names, `{method, path, status}`:
    they are asked and reported, not held against a limit. Each throwaway container sends at most
    `batch` requests, below every rate limit; a 429 says nothing of the input, and fails.
    """
    wanted = dict(headers) if isinstance(headers, dict) else dict.fromkeys(headers, "")
    entrance = await _stack.entrance(run, base_url=base_url, service=service, port=port, ca=ca)
    groups = _hostile.batches(endpoints, batch)
    defects = known or []
    orders = [[attack.request for attack in group] for group in groups]
    if defects:
        orders.append([dict(defect) for defect in defects])
    visits = [
        _stack.visit(run, service, entrance.order("responses", requests=requests), timeout)
        for requests in orders
    ]
    visited = await _together(*visits)
    if not all(_hostile.fault(visit["control"]["broken"], {}) for visit in visited):
        raise NotMeasured(
            "The probe does not notice a server that answers hostile input with 500.",
            hint="Report this as a defect of the program.",
        )
    run.measure("control", "a server that answers hostile input with 500 was found out")
    run.measure("asked at", entrance.url)
    refused = [
        _hostile.judge(run, attack, answer, wanted)
        for group, visit in zip(groups, visited, strict=False)
        for attack, answer in zip(group, visit["answers"], strict=True)
    ]
    run.equals("hostile inputs refused", sum(refused), len(refused))
    for defect, answer in zip(defects, visited[-1]["answers"] if defects else (), strict=True):
        label = f"known defect: {defect.get('method', 'GET')} {defect['path']}"
        run.measure(label, f"answered {answer['status']}, as the plan knows it: {defect['status']}")


async def _together(*visits: Any) -> list[dict[str, Any]]:
    """Run visits side by side; when one fails the others are waited for, and then it is raised."""
    results = await asyncio.gather(*visits, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if isinstance(result, dict)]


def _witness(entrance: Entrance, batch: Sequence[_limits.Endpoint]) -> dict[str, object]:
    """Ask in rounds spread over the shortest window, below every limit."""
    shortest = min(endpoint.window for endpoint in batch)
    moments = max(1, min(4, *(endpoint.limit for endpoint in batch)))
    return entrance.order(
        "witness",
        requests=[endpoint.request for endpoint in batch],
        moments=moments,
        every=shortest / (moments + 1),
    )


@check
async def openapi_saved(run: Run, *, name: str = "before", service: str = "") -> None:
    """Keep the API's description, read inside its container, for a later comparison."""
    document = await _describe(run, service)
    text = json.dumps(document, sort_keys=True).encode()
    _kept(run, name).write_bytes(text)
    run.measure(f"openapi {name}", hashlib.sha256(text).hexdigest(), "sha256")
    run.measure("paths", len(document.get("paths", {})), at_least=1)


@check
async def openapi_unchanged(run: Run, *, name: str = "before", service: str = "") -> None:
    """Find no breaking change in the API's description since it was kept."""
    before = _read_kept(run, name)
    after = await _describe(run, service)
    changes = _openapi.breaking_changes(before, after)
    for change in changes:
        run.log(f"breaking: {change}")
    run.measure("paths", len(after.get("paths", {})))
    run.measure("identical", before == after)
    run.equals("breaking changes", len(changes), 0)
    if changes:
        run.fail(
            f"The API's description has {len(changes)} breaking changes: {'; '.join(changes[:5])}.",
            hint="Roll the item back, or correct the API.",
        )


def _kept(run: Run, name: str) -> Path:
    return run.scratch / f"openapi-{name}.json"


def _read_kept(run: Run, name: str) -> dict[str, Any]:
    """Read the description kept before, and hold it against what the journal says of it.

    Raises:
        NotMeasured: there is none, or it is not the one that was kept.
    """
    path = _kept(run, name)
    stated = [measured.value for _, measured in run.previous(f"openapi {name}")]
    if not path.exists() or not stated:
        raise NotMeasured(
            f"No description of the API was kept as {name!r} in this session.",
            hint="Run the check api.openapi_saved at the item's checkpoint.",
        )
    text = path.read_bytes()
    if hashlib.sha256(text).hexdigest() != stated[-1]:
        raise NotMeasured(
            f"The description kept as {name!r} is not the one that the journal names.",
            hint="It can't be compared; roll the item back and pass its checkpoint anew.",
        )
    document: dict[str, Any] = json.loads(text)
    return document


async def _describe(run: Run, service: str) -> dict[str, Any]:
    target = run.plan.target
    url = f"http://127.0.0.1:{target.api_port}{target.openapi}"
    result = await run.containers.execute(
        service or target.api_service, ["python3", "-c", _READ, url], log=False
    )
    if not result.ok:
        words = result.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise NotMeasured(
            f"{url} can't be read inside the container: {''.join(words)}.",
            hint="Check the plan's target.openapi and target.api_port.",
        )
    try:
        document: dict[str, Any] = json.loads(result.stdout)
    except ValueError as error:
        raise NotMeasured(
            f"{url} is no OpenAPI document: {error}.", hint="Check the plan's target.openapi."
        ) from error
    return document


@check
async def latency(
    run: Run,
    *,
    url: str,
    limit: timedelta = timedelta(milliseconds=100),
    requests: int = 300,
    concurrency: int = 4,
    warmup: int = 30,
    ca: str = "certs/ca.pem",
    baseline: bool = False,
    name: str = "P95",
    keep_alive: bool = True,
) -> None:
    """Measure the P95 under load, and the difference to an earlier baseline of that name.

    A `baseline` is only reported, and kept. Any answer but 200 fails the check, 429 above all: the
    load needs an endpoint without a limit.
    """
    authority = run.files.path(ca) if ca and url.startswith("https:") else None
    result = await run.http.load(
        url,
        requests=requests,
        concurrency=concurrency,
        warmup=warmup,
        ca=authority,
        keep_alive=keep_alive,
    )
    _tell_load(run, result)
    if not result.samples:
        run.fail(
            f"{url} was never answered with 200.", hint=f"It answered {dict(result.statuses)}."
        )
    p95 = milliseconds(result.percentile(0.95))
    run.measure("P50", milliseconds(result.percentile(0.5)), "ms")
    run.measure("P99", milliseconds(result.percentile(0.99)), "ms")
    if baseline:
        run.measure(f"{name} baseline", p95, "ms")
        _samples(run, name).write_text(json.dumps(list(result.samples)))
        return
    run.measure(name, p95, "ms", at_most=milliseconds(limit.total_seconds()))
    await _compare(run, name, p95, result.samples)


def _tell_load(run: Run, result: Latency) -> None:
    run.measure("samples", len(result.samples), "requests")
    run.measure("concurrency", result.concurrency, "connections")
    run.measure("warm-up", result.warmup, "requests")
    run.measure("connections", result.connection)
    run.measure("rate", round(sum(result.statuses.values()) / result.seconds, 1), "requests/s")
    run.equals("answers 429", result.statuses.get(429, 0), 0)
    run.equals("other answers", result.failures - result.statuses.get(429, 0), 0)
    run.log(f"load took {format_duration(timedelta(seconds=result.seconds))}")


async def _compare(run: Run, name: str, p95: float, samples: Sequence[float]) -> None:
    earlier = run.previous(f"{name} baseline")
    if not earlier:
        run.measure("difference to baseline", "no baseline in this session")
        return
    taken_by, baseline = earlier[-1]
    run.measure("baseline", baseline.value, "ms")
    run.log(f"the baseline was measured by {taken_by}")
    if isinstance(baseline.value, int | float):
        run.measure("difference to baseline", round(p95 - baseline.value, 2), "ms")
    kept = _samples(run, name)
    if kept.exists():
        before = json.loads(kept.read_text())
        low, high = await asyncio.to_thread(difference_interval, before, samples)
        run.measure("difference, 95% interval", f"{low:+.2f} to {high:+.2f}", "ms")


def _samples(run: Run, name: str) -> Path:
    safe = "".join(letter if letter.isalnum() else "-" for letter in name)
    return run.scratch / f"latency-{safe}.json"


def milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)


def difference_interval(
    before: Sequence[float], after: Sequence[float], *, rounds: int = 500
) -> tuple[float, float]:
    """Bootstrap the 95% interval of the difference between two P95s, in milliseconds."""
    source = random.Random(0)  # noqa: S311  # resampling; the same figures give the same interval
    differences = sorted(
        _p95(source.choices(after, k=len(after))) - _p95(source.choices(before, k=len(before)))
        for _ in range(rounds)
    )
    return (
        milliseconds(differences[int(rounds * 0.025)]),
        milliseconds(differences[int(rounds * 0.975)]),
    )


def _p95(samples: Sequence[float]) -> float:
    return sorted(samples)[math.ceil(0.95 * len(samples)) - 1]
