"""Every key of a plan: what it takes, and what it means.

Reading knows a key by these tables, the JSON Schema is made of them, and docs/plan-format.md shows
their words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runbook_app.adapters.plan_file.kinds import (
    ACTION,
    BLAST_RADIUS,
    CHECKPOINT,
    COMMAND_CAPTURE,
    DURATION,
    EACH,
    ESTIMATE,
    FILES,
    FLAG,
    ID,
    ITEMS,
    MEASURE,
    NAMES,
    NEEDED,
    NUMBER,
    PARAMETERS,
    PASSWORD_PLACE,
    PATH,
    PATHS,
    PRIORITIES,
    REHEARSALS,
    ROLLBACK,
    SCALAR,
    START,
    STEPS,
    TEXT,
    TEXTS,
    TIME,
    VARIABLES,
    WEIGHT,
    WHEN,
    Schema,
    choice,
    integer,
    items,
    several,
    within,
)


@dataclass(frozen=True, slots=True)
class Key:
    takes: Schema
    means: str
    """One cell of a Markdown table."""
    needed: bool = False


Keys = Mapping[str, Key]

SAID_IN = "where the document it was imported from says it: `PLAN.md:12`"

TARGET: Keys = {
    "compose": Key(PATH, "path of the Compose file", needed=True),
    "api": Key(
        within("api"),
        (
            "`{service: api, health: /health, openapi: /openapi.json, port: 8000}`; the port "
            "inside the container. Without it the plan names no API"
        ),
    ),
    "database": Key(
        within("database"),
        (
            "`{service, name, user, password_from, superuser, credentials}`; `password_from` "
            "is `environment:NAME` of the service, `file:PATH`, or `command:SERVICE:COMMAND`, "
            "which prints it in that service's container (no shell reads the command), never "
            "the password, and of several (`A or B`) the first that has it; `superuser` signs "
            "in over the socket in the container (default: its POSTGRES_USER); `credentials` "
            "is a list of `{role, on_rollback}`, `restore` (default) or `keep`"
        ),
    ),
    "suite": Key(TEXTS, "the target's own test command, a list"),
    "progress": Key(PATH, "the progress file kept in the target, default `PROGRESS.md`"),
}

API: Keys = {
    "service": Key(TEXT, "its name in the Compose file, `api` by default"),
    "health": Key(TEXT, "path that answers 200 when the API is well, `/health` by default"),
    "openapi": Key(TEXT, "path of its description, `/openapi.json` by default"),
    "port": Key(integer(1, 65535), "that it listens on inside its container, 8000 by default"),
}

DATABASE: Keys = {
    "service": Key(TEXT, "its name in the Compose file"),
    "name": Key(TEXT, "name of the database"),
    "user": Key(TEXT, "account that the plan's checks sign in with"),
    "password_from": Key(
        PASSWORD_PLACE,
        (
            "`environment:NAME` of the service, `file:PATH`, or `command:SERVICE:COMMAND`; of "
            "several (`A or B`) the first that has it"
        ),
    ),
    "superuser": Key(
        TEXT, "who signs in over the socket in the container; its POSTGRES_USER by default"
    ),
    "credentials": Key(several("credential"), "what a rollback does with a role's password"),
}

CREDENTIAL: Keys = {
    "role": Key(NEEDED, "the role's name", needed=True),
    "on_rollback": Key(choice("restore", "keep"), "`restore` (default) or `keep`"),
}

WINDOW: Keys = {
    "starts": Key(START, "`now` (default: the session's own start) or a time"),
    "budget": Key(DURATION, "a duration, 12h by default"),
    "declared": Key(within("declared_times"), "the source's own dates, kept for comparison"),
}

DECLARED_TIMES: Keys = {
    "start": Key(TIME, "when the source begins"),
    "target": Key(TIME, "when the source wants to be done"),
    "deadline": Key(TIME, "when the source has to be done"),
}

AUDIT: Keys = {
    "document": Key(PATH, "file in the target that records how the items were verified"),
    "items": Key(TEXTS, "ids of the items"),
}

SECTION: Keys = {
    "id": Key(ID, "unique in its list", needed=True),
    "title": Key(NEEDED, "text", needed=True),
    "lines": Key(TEXTS, "text to show and export"),
    "source": Key(TEXT, SAID_IN),
}

RISK: Keys = {
    "id": Key(ID, "what items refer to", needed=True),
    "title": Key(NEEDED, "text", needed=True),
    "mitigation": Key(TEXTS, "what is done against it"),
    "rollback": Key(TEXT, "how the source goes back; text"),
    "budget": Key(ESTIMATE, "time the source allows for that"),
    "source": Key(TEXT, SAID_IN),
}

CLAIM: Keys = {
    "id": Key(ID, "unique in the plan", needed=True),
    "text": Key(NEEDED, "the source's words", needed=True),
    "measured_by": Key(
        TEXT, "id of the criterion, checkpoint line or step (`item.step`) that measures it"
    ),
    "figure": Key(TEXT, "the one measurement to show beside it"),
    "unproven": Key(TEXT, "why nothing measures it"),
}

SCORE: Keys = {
    "declared": Key(
        within("declared_score"), "the source's own figures; shown as its claim and never used"
    ),
    "categories": Key(several("category"), "what is measured"),
}

DECLARED_SCORE: Keys = {
    "current": Key(integer(0, 100), "before the work"),
    "target": Key(integer(0, 100), "after it"),
}

CATEGORY: Keys = {
    "name": Key(NEEDED, "text", needed=True),
    "declared": Key(within("declared_score"), "the source's own figures of this category"),
    "weight": Key(NUMBER, "its share in the total, 1 by default"),
    "checks": Key(several("score_check"), "list of checks"),
}

SCORE_CHECK: Keys = {
    "id": Key(ID, "the id is unique in the whole score", needed=True),
    "title": Key(NEEDED, "the id is unique in the whole score", needed=True),
    "check": Key(
        MEASURE,
        (
            "a check or a probe, as in `success`; a probe runs in a session, or with `runbook "
            "score --probe`"
        ),
        needed=True,
    ),
    "with": Key(
        PARAMETERS,
        (
            "a check or a probe, as in `success`; a probe runs in a session, or with `runbook "
            "score --probe`"
        ),
    ),
    "source": Key(
        NEEDED, "where it is asked for, with the section: `CIS PostgreSQL 4.3`", needed=True
    ),
    "weight": Key(WEIGHT, "points within its category, 1 by default, never 0"),
    "when": Key(
        WHEN,
        (
            "an expression over variables, or `{variable: value}`, see below: decided before "
            "anything is measured. Unless it holds the check is not applicable, and counts on "
            "neither side"
        ),
    ),
    "planned": Key(
        FLAG, "`true`: its action may not be installed yet; until then it has no points"
    ),
}

CHECK: Keys = {
    "id": Key(ID, "unique among the item's checkpoint and success lines", needed=True),
    "title": Key(TEXT, "made of the id by default"),
    "check": Key(MEASURE, "a check or a probe", needed=True),
    "with": Key(PARAMETERS, "the action's parameters, typed by its signature"),
    "source": Key(TEXT, SAID_IN),
}

CHECK_LINE: Keys = {
    **CHECK,
    "id": Key(ID, "made of the words by default"),
    "title": Key(TEXT, "the action's name by default"),
}

CONFIRM_LINE: Keys = {
    "confirm": Key(NEEDED, "what a person says; `--yes` records that nobody did", needed=True),
    "id": Key(ID, "made of the words by default"),
    "person": Key(choice("required", "assumable"), "`required`: `--yes` stops here (exit 3)"),
    "source": Key(TEXT, SAID_IN),
}

CAPTURE_LINE: Keys = {
    "capture": Key(within("captured"), "what is captured before any step", needed=True),
    "title": Key(TEXT, "text"),
    "id": Key(ID, "made of the words by default"),
}

CAPTURED: Keys = {
    "files": Key(PATHS, "paths"),
    "project": Key(FLAG, "`false` leaves the Compose project's state out"),
    "database": Key(FLAG, "roles, grants, settings, schema"),
    "volume": Key(FLAG, "a tried copy of the database's volume, to fall back to"),
}

CALL: Keys = {
    "action": Key(ACTION, "`module.function`, see `runbook actions`", needed=True),
    "with": Key(PARAMETERS, "the action's parameters, typed by its signature"),
}

FILE: Keys = {
    "path": Key(PATH, "relative to the target", needed=True),
    "note": Key(TEXT, "what the source says of it"),
}

COMMAND_CAPTURED: Keys = {
    "files": Key(PATHS, "paths"),
    "project": Key(FLAG, "`true`: the Compose project's state"),
    "database": Key(FLAG, "`true`: roles, grants, settings, schema"),
}

STEP: Keys = {
    "id": Key(ID, "elsewhere the step is called `item.step`", needed=True),
    "title": Key(NEEDED, "elsewhere the step is called `item.step`", needed=True),
    "action": Key(ACTION, "`module.function`, see `runbook actions`; or one of the next three"),
    "shell": Key(NEEDED, "a command in place of an action: text for `/bin/sh -eu`; see below"),
    "sql": Key(NEEDED, "statements in place of an action, in one transaction; see below"),
    "python": Key(NEEDED, "Python text in place of an action; see below"),
    "with": Key(
        PARAMETERS,
        "the action's parameters, typed by its signature; the values bound to a `sql` text",
    ),
    "env": Key(
        NAMES,
        "of `shell` and `python`: their environment, text by name, the one way to hand them values",
    ),
    "check": Key(
        NEEDED,
        (
            "of `shell`, `sql` and `python`: text in the same language that finds out whether the "
            "step is done"
        ),
    ),
    "changes": Key(choice("nothing"), "`nothing`, in place of `check`: the text itself measures"),
    "capture": Key(
        COMMAND_CAPTURE,
        (
            "of `shell` and `python`: what is captured before the command is started, a list of "
            "files or `{files, project, database}`"
        ),
    ),
    "rollback": Key(
        NEEDED,
        (
            "of `shell`, `sql` and `python`: text in the same language that takes the step back, "
            "before the captures are restored"
        ),
    ),
    "why": Key(TEXT, "text"),
    "instructions": Key(TEXT, "text"),
    "estimate": Key(ESTIMATE, "planned time; the clock-timed line of the source"),
    "block": Key(TEXT, "planned time; the clock-timed line of the source"),
    "timeout": Key(DURATION, "10m by default"),
    "retries": Key(integer(0, 100), "0 by default"),
    "required": Key(FLAG, "`true`: never offered for skipping"),
    "each": Key(
        EACH,
        (
            "a list, a variable that is one, or a mapping of keys to values: the step stands for "
            "one of each entry, see below"
        ),
    ),
    "when": Key(
        WHEN,
        (
            "an expression, or `{variable: value}`, see below: unless it holds the step is passed "
            "over, on record with the reason"
        ),
    ),
    "blast_radius": Key(
        choice(*BLAST_RADIUS),
        (
            "`confirm`: what its action will touch is told and confirmed before it begins, by "
            "default where the action can tell it; `ignore`: nobody is asked; see below"
        ),
    ),
    "confirm_within": Key(
        DURATION,
        (
            "a duration: the step can lock people out, and its item is rolled back by itself "
            "unless somebody confirms it in this time; see below"
        ),
    ),
    "planned": Key(FLAG, "`true`: its action may not be installed yet"),
    "source": Key(TEXT, SAID_IN),
}

ITEM: Keys = {
    "id": Key(ID, "the number is shown, the id is what everything refers to", needed=True),
    "number": Key(
        integer(0, 1000), "the number is shown, the id is what everything refers to", needed=True
    ),
    "title": Key(NEEDED, "the number is shown, the id is what everything refers to", needed=True),
    "what": Key(TEXT, "text"),
    "why": Key(TEXT, "text"),
    "priority": Key(choice(*PRIORITIES), "`critical` (default), `high`, `medium`, `low`"),
    "estimate": Key(ESTIMATE, "planned time"),
    "needs": Key(
        TEXTS,
        (
            "ids of items that have to be finished first, in this session or, where its scope "
            "leaves them out, in the newest one that worked on them on the same target; no "
            "circles. Whether they still hold is for the checkpoint to measure"
        ),
    ),
    "guide": Key(PATH, "Markdown file beside the plan, opened by the checkpoint"),
    "declared_status": Key(TEXT, "what the source claims of the item; shown as its claim"),
    "checkpoint": Key(CHECKPOINT, "list of lines, see below"),
    "steps": Key(STEPS, "list of steps, or of `{include: FILE}`, see below"),
    "success": Key(
        several("check"), "list of checks, each with an `id`: the item is done when all hold"
    ),
    "rollback": Key(
        ROLLBACK, "`captures`, or a list of `{action, with}` run before the captures are restored"
    ),
    "rehearsal": Key(
        choice(*REHEARSALS),
        (
            "`required`: the item begins only when `runbook rehearse` has proven its rollback "
            "on a copy of this target, with this plan. `optional` by default; refused where "
            "nothing is changed"
        ),
    ),
    "rollback_budget": Key(
        ESTIMATE, "time the source allows for it, shown beside the measured one"
    ),
    "commit": Key(TEXT, "message of the item's commit; none is made without it"),
    "creates": Key(FILES, "paths, or `{path, note}`"),
    "modifies": Key(FILES, "paths, or `{path, note}`"),
    "risks": Key(TEXTS, "ids of risks"),
    "not_required": Key(TEXT, "the reason, in place of steps"),
    "when": Key(
        WHEN,
        (
            "an expression, or `{variable: value}`, see below: unless it holds the item is not "
            "required, on record with the reason"
        ),
    ),
    "sign_off": Key(FLAG, "`true` for the last item, the sign-off"),
    "planned": Key(FLAG, "`true`: its actions may not be installed yet"),
    "source": Key(TEXT, SAID_IN),
}

INCLUDE: Keys = {
    "include": Key(
        PATH,
        "a file below the plan's folder, relative to that, with `items` or `steps`",
        needed=True,
    ),
}

PLAN: Keys = {
    "plan": Key(ID, "the plan's id", needed=True),
    "title": Key(NEEDED, "text", needed=True),
    "version": Key(NEEDED, "text", needed=True),
    "target": Key(within("target"), "what the plan works on, see below", needed=True),
    "items": Key(
        ITEMS,
        "list of items, in the order of the work, or of `{include: FILE}`, see below",
        needed=True,
    ),
    "variables": Key(
        VARIABLES,
        (
            "names and default values: text, numbers, `true`, `false`, lists, or where the value "
            "comes from: `{prompt: QUESTION, type: integer}`, `{env: NAME, default: VALUE}`"
        ),
    ),
    "window": Key(within("window"), "when the work may happen"),
    "rehearsal": Key(
        choice(*REHEARSALS),
        (
            "`required`: of every item that changes something; `optional` by default. An "
            "item's own `rehearsal` wins"
        ),
    ),
    "score": Key(within("score"), "declared security score, and its categories"),
    "audit": Key(
        within("audit"),
        (
            "`{document: FILE, items: [ids]}`: a file in the target that records how these "
            "items were verified"
        ),
    ),
    "risks": Key(
        several("risk"),
        "list of `{id, title, mitigation: [text], rollback: text, budget: estimate}`",
    ),
    "claims": Key(
        several("claim"),
        (
            "list of `{id, text, measured_by, figure, unproven}`: figures of the source that "
            "this session has to measure; `figure` names the one measurement to show; "
            "`unproven` says why nothing measures it"
        ),
    ),
    "baseline": Key(
        several("section"), "text to show and export: lists of `{id, title, lines: [text]}`"
    ),
    "blocks": Key(
        several("section"), "text to show and export: lists of `{id, title, lines: [text]}`"
    ),
    "documents": Key(
        several("section"), "text to show and export: lists of `{id, title, lines: [text]}`"
    ),
    "links": Key(
        several("section"), "text to show and export: lists of `{id, title, lines: [text]}`"
    ),
    "next_phases": Key(
        several("section"), "text to show and export: lists of `{id, title, lines: [text]}`"
    ),
    "sections": Key(
        several("section"), "text to show and export: lists of `{id, title, lines: [text]}`"
    ),
    "principles": Key(TEXTS, "lists of text; the second is shown in the failure menu"),
    "troubleshooting": Key(TEXTS, "lists of text; the second is shown in the failure menu"),
    "approval": Key(TEXT, "text, shown and exported"),
    "next_action": Key(TEXT, "text, shown and exported"),
}

DESCRIBED: Keys = {
    "env": Key(NEEDED, "name of a variable of the environment, which gives the value"),
    "prompt": Key(NEEDED, "what the operator is asked when a session begins"),
    "type": Key(
        {"enum": ["text", "integer", "number", "boolean"]},
        "what an answer is, text by default; a `default` and `choices` say it too",
    ),
    "choices": Key(
        {**items(SCALAR), "minItems": 2}, "the values that an answer can have, of one type"
    ),
    "default": Key(
        SCALAR,
        (
            "its value where the environment has none; of a question what is filled in, and what "
            "`--yes` takes; it gives the type"
        ),
    ),
}

TABLES: Mapping[str, Keys] = {
    "target": TARGET,
    "api": API,
    "database": DATABASE,
    "credential": CREDENTIAL,
    "window": WINDOW,
    "declared_times": DECLARED_TIMES,
    "audit": AUDIT,
    "section": SECTION,
    "risk": RISK,
    "claim": CLAIM,
    "score": SCORE,
    "declared_score": DECLARED_SCORE,
    "category": CATEGORY,
    "score_check": SCORE_CHECK,
    "check": CHECK,
    "check_line": CHECK_LINE,
    "confirm_line": CONFIRM_LINE,
    "capture_line": CAPTURE_LINE,
    "captured": CAPTURED,
    "call": CALL,
    "file": FILE,
    "command_captured": COMMAND_CAPTURED,
    "step": STEP,
    "include": INCLUDE,
    "described": DESCRIBED,
    "item": ITEM,
    "plan": PLAN,
}
