"""A scope is refused before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_app.cli.options import check_needs, check_scope, plan_path
from runbook_app.domain.errors import UsageError
from runbook_app.domain.events import DoneBefore
from runbook_app.resources import shipped_plans
from tests.domain.story import WHOLE


@pytest.mark.parametrize(
    ("items", "until", "said"),
    [
        (("tsl",), "", "Did you mean 'tls'"),
        (("database",), "", "not installed: database.pgcrypto"),
        ((), "tls.tests", "Did you mean 'tls.test'"),
        (("headers",), "tls.test", "Add --item tls"),
    ],
)
def test_a_scope_that_the_plan_cannot_give_is_refused(
    items: tuple[str, ...], until: str, said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        check_scope(WHOLE, items, until)
    assert said in str(refused.value)


def test_a_scope_that_the_plan_has_is_taken() -> None:
    check_scope(WHOLE, ("headers", "tls"), "tls.test")


def nothing_done(_: str) -> None:
    return None


def test_a_new_session_needs_the_items_that_its_items_need() -> None:
    with pytest.raises(UsageError, match="needs headers") as refused:
        check_needs(WHOLE, ("tls",), nothing_done)
    assert refused.value.hint == "Add --item headers."
    assert check_needs(WHOLE, ("headers", "tls"), nothing_done) == ()


def test_what_an_earlier_session_did_is_not_done_again() -> None:
    done = DoneBefore(item="headers", session="earlier", at="2026-01-01T00:00:00.000Z")
    assert check_needs(WHOLE, ("tls",), {"headers": done}.get) == (done,)


def test_a_shipped_plan_is_found_by_its_name_alone() -> None:
    path = plan_path("phase1_security_hardening")
    assert path == shipped_plans() / "phase1_security_hardening.yaml"


def test_a_wrong_path_is_never_taken_for_a_shipped_plan(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no plan file"):
        plan_path(str(tmp_path / "phase1_security_hardening.yaml"))
