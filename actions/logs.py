"""Containers' logs: bounded, and saying who asked for what."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

from actions import _stack
from actions._log_mark import MARK_HEADER, log_until
from actions._tokens import AS_USUAL, Signing, tokens
from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.action import Run, check

UNBOUNDED = "no limit"


@check
async def rotated(run: Run) -> None:
    """Find the log of every container bounded in size and number of files."""
    containers = await run.containers.list()
    if not containers:
        raise NotMeasured("The project has no container.", hint="Start the stack.")
    for container in containers:
        config = container.raw.get("HostConfig", {}).get("LogConfig", {})
        options = config.get("Config") or {}
        said = f"{config.get('Type')} {options.get('max-size', UNBOUNDED)}"
        # The driver `local` is bounded by itself; journald and others are their own business.
        bounded = config.get("Type") not in ("json-file",) or bool(options.get("max-size"))
        run.require(f"log of {container.service} is bounded", bounded, said)


@check
async def requests(
    run: Run,
    *,
    path: str,
    signing: Signing = AS_USUAL,
    ca: str = "certs/ca.pem",
) -> None:
    """Find a request in the application's log with its id, its actor, its status and its sender."""
    made = await tokens(run, signing)
    mark = f"runbook-probe-{uuid.uuid4().hex}"
    entrance = await _stack.entrance(run, base_url="", service=signing.service, port=0, ca=ca)
    headers = {"Authorization": f"Bearer {made['right']}", MARK_HEADER: mark}
    order = entrance.order("responses", requests=[{"path": path, "headers": headers}])
    visited = await _stack.visit(run, signing.service, order, timedelta(minutes=1))
    (answer,) = visited["answers"]
    returned = [v for k, v in answer["headers"] if k.lower() == "x-request-id"]
    run.equals("id on the answer", ", ".join(returned) or "absent", mark)
    log = await log_until(run, signing.service, mark)
    line = _line(log, mark)
    run.require("a line with the request's id", bool(line), mark if line else "no such line")
    for name, wanted in (("status", answer["status"]), ("actor", f"user:{signing.subject}")):
        run.equals(name, line.get(name), wanted)
    for name in ("client", "method", "path", "duration_ms", "time"):
        run.require(f"the line has {name}", line.get(name) is not None, str(line.get(name)))
    run.require("the token is not in the log", made["right"] not in log, "absent")


def _line(log: str, mark: str) -> dict[str, Any]:
    for text in reversed(log.splitlines()):
        start = text.find("{")
        if mark not in text or start < 0:
            continue
        try:
            found = json.loads(text[start:])
        except ValueError:
            continue
        if isinstance(found, dict) and found.get("request_id") == mark:
            return found
    return {}
