"""Access tokens: the right one lets in, and nothing else does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from actions import _stack
from actions._published import published
from actions._tokens import AS_USUAL, CLAIMS, SIGNATURE, Signing, signed_again, tokens
from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.action import Run, check

MISSING = {
    "no header": {},
    "another scheme": {"Authorization": "Basic cHJvYmU6cHJvYmU="},
    "no token": {"Authorization": "Bearer"},
    "no token at all like": {"Authorization": "Bearer runbook.probe.token"},
}


@check
async def forged_refused(
    run: Run,
    *,
    path: str,
    signing: Signing = AS_USUAL,
    ca: str = "certs/ca.pem",
) -> None:
    """Find tokens with another signature, or none, refused with 401 where the right one lets in.

    `path` is one that needs a token. The tokens are signed inside the service's container.
    """
    made = await tokens(run, signing)
    cases = {name: _bearer(made[name]) for name in SIGNATURE}
    await _refused(run, cases, made["right"], path=path, service=signing.service, ca=ca)


@check
async def unfit_refused(
    run: Run,
    *,
    path: str,
    signing: Signing = AS_USUAL,
    ca: str = "certs/ca.pem",
) -> None:
    """Find no token, an expired one, and one for somebody else refused with 401."""
    made = await tokens(run, signing)
    cases = MISSING | {name: _bearer(made[name]) for name in CLAIMS}
    await _refused(run, cases, made["right"], path=path, service=signing.service, ca=ca)


@check
async def published_refused(
    run: Run,
    *,
    path: str,
    variable: str = "JWT_SECRET",
    signing: Signing = AS_USUAL,
    ca: str = "certs/ca.pem",
) -> None:
    """Find a token refused that is signed with a key which the repository ever published.

    What the history holds stays there: it is worthless only once nothing trusts it any more.
    """
    keys = await published(run, variable)
    made = await tokens(run, signing)
    run.measure(f"values of {variable} in the history", len(keys))
    cases = {
        f"signed with published key {number}": _bearer(signed_again(made["right"], key))
        for number, key in enumerate(keys, 1)
    }
    await _refused(run, cases, made["right"], path=path, service=signing.service, ca=ca)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def _refused(
    run: Run,
    cases: Mapping[str, Mapping[str, str]],
    right: str,
    *,
    path: str,
    service: str,
    ca: str,
) -> None:
    """Send each from an address of its own, the right one first and last."""
    sent = [_bearer(right), *cases.values(), _bearer(right)]
    entrance = await _stack.entrance(run, base_url="", service=service, port=0, ca=ca)
    order = entrance.order("responses", requests=[{"path": path, "headers": h} for h in sent])
    visited = await _stack.visit(run, service, order, timedelta(minutes=2))
    first, *answers, last = (answer["status"] for answer in visited["answers"])
    if (first, last) != (200, 200):
        raise NotMeasured(
            f"The right token is answered with {first} and {last}, so a refusal means nothing.",
            hint=f"Check that {path} needs a token, and 'subject' of the check's 'signing'.",
        )
    run.measure("control", "the right token lets in, before and after")
    for name, status in zip(cases, answers, strict=True):
        run.equals(name, status, 401)
