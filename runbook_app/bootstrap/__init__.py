"""The composition root: the one place that names the concrete classes.

Everything heavy is imported inside the functions, when it is first needed.
"""

from runbook_app.bootstrap.checks import answer_changes, answer_check, check_afresh
from runbook_app.bootstrap.engines import only_driver, refusal, run_engine, stand_guard
from runbook_app.bootstrap.forecasts import answer_dry_run, dry_run, foresee, leaving_nothing
from runbook_app.bootstrap.hands import answer_ways, go_in
from runbook_app.bootstrap.notifying import send_notification
from runbook_app.bootstrap.rehearsals import (
    note_rehearsal,
    rehearsal,
    rehearsal_record,
    remove_rehearsal,
)
from runbook_app.bootstrap.scores import measure_score
from runbook_app.bootstrap.sessions import (
    create_session,
    find_done_before,
    hold_pin,
    list_sessions,
    load_plan,
    open_questions,
    open_session,
    replay_session,
)
from runbook_app.bootstrap.signals import log_digests, public_key, read_journal
from runbook_app.bootstrap.surroundings import home, recipient_key, screen_settings, signing_key
from runbook_app.bootstrap.web import serve_session

__all__ = [
    "answer_changes",
    "answer_check",
    "answer_dry_run",
    "answer_ways",
    "check_afresh",
    "create_session",
    "dry_run",
    "find_done_before",
    "foresee",
    "go_in",
    "hold_pin",
    "home",
    "leaving_nothing",
    "list_sessions",
    "load_plan",
    "log_digests",
    "measure_score",
    "note_rehearsal",
    "only_driver",
    "open_questions",
    "open_session",
    "public_key",
    "read_journal",
    "recipient_key",
    "refusal",
    "rehearsal",
    "rehearsal_record",
    "remove_rehearsal",
    "replay_session",
    "run_engine",
    "screen_settings",
    "send_notification",
    "serve_session",
    "signing_key",
    "stand_guard",
]
