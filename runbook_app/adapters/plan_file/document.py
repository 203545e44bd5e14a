"""The plan as a whole: its target, window, score and text, around its items."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import timedelta

from runbook_app.adapters.plan_file import keys
from runbook_app.adapters.plan_file.items import Items
from runbook_app.adapters.plan_file.kinds import PASSWORD_PATTERN, REHEARSALS
from runbook_app.adapters.plan_file.reading import Fields, Reading
from runbook_app.adapters.plan_file.score import Scores
from runbook_app.domain.plan import (
    Claim,
    Database,
    Item,
    Plan,
    Risk,
    Section,
    TargetSpec,
    Window,
)

BUDGET = timedelta(hours=12)


class Document:
    """Reads a plan's keys into its values; rules across them are not looked at here."""

    def __init__(self, reading: Reading, root: Fields, items: Items, scores: Scores) -> None:
        self._reading = reading
        self.root = root
        self.items = items
        self._scores = scores

    def begin(self) -> None:
        """Read what comes before everything else."""
        self._id = self.root.id("plan")
        self._title = self.root.needed_text("title")
        self._version = self.root.needed_text("version")

    def begin_items(self) -> None:
        """Read what all items rest on."""
        self.items.rehearsal = self.root.choice("rehearsal", REHEARSALS, "optional")

    def plan(
        self,
        *,
        path: str,
        sha256: str,
        includes: tuple[str, ...] = (),
        items: tuple[Item, ...] = (),
    ) -> Plan:
        """`items`: those that have been read before."""
        root = self.root
        audit = root.inner("audit", keys.AUDIT)
        return Plan(
            id=self._id,
            title=self._title,
            version=self._version,
            path=path,
            sha256=sha256,
            includes=includes,
            items=items or self._items(),
            target=self._target(),
            variables=self._reading.variables.values,
            window=self._window(),
            score=self._scores.read(root),
            blocks=self._sections("blocks"),
            baseline=self._sections("baseline"),
            risks=self._risks(),
            documents=self._sections("documents"),
            principles=root.texts("principles"),
            troubleshooting=root.texts("troubleshooting"),
            links=self._sections("links"),
            next_phases=self._sections("next_phases"),
            sections=self._sections("sections"),
            claims=self._claims(),
            approval=root.text("approval"),
            next_action=root.text("next_action"),
            audit_document=audit.path("document") if audit else "",
            audit_items=audit.texts("items") if audit else (),
        )

    def _items(self) -> tuple[Item, ...]:
        if self.root.need("items") is None:
            return ()
        self.begin_items()
        found = tuple(self.items.read(f) for f in self.root.each("items", "an item", keys.ITEM))
        if not found and not self._reading.source.mistakes:
            self.root.wrong("items", "a plan needs at least one item")
        return found

    def _target(self) -> TargetSpec:
        default = TargetSpec(compose="")
        self.root.need("target")
        fields = self.root.below("target", keys.TARGET)
        api = fields.below("api", keys.API)
        database = fields.below("database", keys.DATABASE)
        fields.need("compose")
        return TargetSpec(
            compose=fields.path("compose"),
            api_service=api.text("service", default.api_service) if "api" in fields.entries else "",
            api_health=api.text("health", default.api_health),
            openapi=api.text("openapi", default.openapi),
            api_port=api.integer("port", default.api_port, low=1, high=65535),
            suite=fields.texts("suite"),
            database=Database(
                service=database.text("service"),
                name=database.text("name"),
                user=database.text("user"),
                password_from=self._password_from(database),
                superuser=database.text("superuser"),
                keep_credentials=tuple(_kept(database)),
            ),
            progress=fields.path("progress", default.progress),
        )

    def _password_from(self, database: Fields) -> str:
        text = database.text("password_from")
        places = text.split(" or ") if text else []
        if not all(_is_password_place(place.strip()) for place in places):
            message = (
                "'password_from' is 'environment:NAME', 'file:PATH' or 'command:SERVICE:COMMAND',"
                " never the password"
            )
            database.wrong("password_from", message)
        return text

    def _window(self) -> Window:
        fields = self.root.inner("window", keys.WINDOW)
        if fields is None:
            return Window(budget=BUDGET)
        declared = fields.below("declared", keys.DECLARED_TIMES)
        return Window(
            starts=None if fields.text("starts", "now") == "now" else fields.time("starts"),
            budget=fields.duration("budget", BUDGET),
            declared_start=declared.time("start"),
            declared_target=declared.time("target"),
            declared_deadline=declared.time("deadline"),
        )

    def _sections(self, key: str) -> tuple[Section, ...]:
        return tuple(
            Section(
                id=f.id(),
                title=f.needed_text("title"),
                lines=f.texts("lines"),
                source=f.text("source"),
            )
            for f in self.root.each(key, "a section", keys.SECTION)
        )

    def _risks(self) -> tuple[Risk, ...]:
        return tuple(
            Risk(
                id=fields.id(),
                title=fields.needed_text("title"),
                mitigation=fields.texts("mitigation"),
                rollback=fields.text("rollback"),
                budget=fields.estimate("budget"),
                source=fields.text("source"),
            )
            for fields in self.root.each("risks", "a risk", keys.RISK)
        )

    def _claims(self) -> tuple[Claim, ...]:
        return tuple(
            Claim(
                id=fields.id(),
                text=fields.needed_text("text"),
                measured_by=fields.text("measured_by"),
                figure=fields.text("figure"),
                unproven=fields.text("unproven"),
            )
            for fields in self.root.each("claims", "a claim", keys.CLAIM)
        )


def _kept(database: Fields) -> Iterator[str]:
    """Roles whose password a rollback leaves alone."""
    for inner in database.each("credentials", "a credential", keys.CREDENTIAL):
        role = inner.needed_text("role")
        if inner.choice("on_rollback", ("restore", "keep"), "restore") == "keep":
            yield role


def _is_password_place(text: str) -> bool:
    if not PASSWORD_PATTERN.match(text):
        return False
    try:
        shlex.split(text)
    except ValueError:
        return False
    return True
