"""What is said of a run of Alembic that failed."""

from __future__ import annotations

import pytest

from actions._database_alembic import must
from runbook_app.domain.errors import ActionError
from runbook_app.ports.capabilities import ExecResult


@pytest.mark.parametrize(
    "said",
    [
        "OperationalError: the connection is lost",
        "OperationalError: consuming input failed: server closed the connection unexpectedly",
        "AdminShutdown: terminating connection due to administrator command",
        "OperationalError: SSL connection has been closed unexpectedly",
        "OperationalError: consuming input failed: SSL SYSCALL error: EOF detected",
        "OperationalError: server closed the connection unexpectedly",
        "OperationalError: could not receive data from server: No route to host",
        "OperationalError: SSL SYSCALL error: Connection timed out",
    ],
)
def test_a_connection_that_ended_is_named_whatever_the_driver_calls_it(said: str) -> None:
    result = ExecResult(exit_code=1, stdout=b"", stderr=f"INFO\n{said}\n".encode())
    with pytest.raises(ActionError, match="lost in the middle of this: upgrade: ") as failed:
        must(result, "upgrade", "Nothing was changed.")
    assert "its log says why" in failed.value.hint


def test_any_other_failure_keeps_its_words_and_hint() -> None:
    result = ExecResult(exit_code=1, stdout=b"", stderr=b"ProgrammingError: no such table\n")
    with pytest.raises(ActionError, match="upgrade failed: ProgrammingError: no such") as failed:
        must(result, "upgrade", "Nothing was changed.")
    assert failed.value.hint == "Nothing was changed."
