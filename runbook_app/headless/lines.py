"""What each event reads like as lines of text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from runbook_app.domain import events as ev
from runbook_app.domain.answers import wanted
from runbook_app.domain.clock import parse_time
from runbook_app.domain.guard import spoken
from runbook_app.domain.markdown import measured
from runbook_app.domain.measure import Verdict
from runbook_app.domain.plan import Item, Plan, Step
from runbook_app.domain.record import checkpoint_title, taken_words
from runbook_app.domain.score import Result, told
from runbook_app.domain.status import report_lines
from runbook_app.domain.times import at_second, seconds


class Tone(StrEnum):
    PLAIN = ""
    GOOD = "32"
    """SGR code: green."""
    BAD = "31"
    CARE = "33"
    FAINT = "2"
    STRONG = "1"


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    tone: Tone = Tone.PLAIN


class Narrator:
    """Tells a session's events, one after the other, by the plan's own words."""

    def __init__(self, plan: Plan, captures: Iterable[ev.CaptureTaken] = ()) -> None:
        self._items: dict[str, Item] = {item.id: item for item in plan.items}
        self._steps: dict[str, tuple[str, Step]] = {
            step.id: (f"{item.number}.{place}", step)
            for item in plan.items
            for place, step in enumerate(item.steps, start=1)
        }
        self._plan = plan
        self._at = ""
        self._started: dict[str, str] = {}
        self._reported: ev.StatusReported | None = None
        self._captures = {taken.id: f"{taken.kind} {taken.name}" for taken in captures}

    def tell(self, event: ev.AnyEvent, at: str) -> list[Line]:
        """Lines for an event; empty for one that only machines care about."""
        self._at = at
        parts = (
            self._session,
            self._checkpoint,
            self._step,
            self._guard,
            self._radius,
            self._item,
            self._people,
            _score,
            _signal,
        )
        for part in parts:
            lines = part(event)
            if lines is not None:
                return lines
        return []

    def item(self, item_id: str) -> str:
        item = self._items.get(item_id)
        return f"item {item.number} {item.title}" if item else f"item {item_id}"

    def step(self, step_id: str) -> str:
        if step_id not in self._steps:
            return f"step {step_id}"
        number, step = self._steps[step_id]
        return f"step {number} {step.title}"

    def _session(self, event: ev.AnyEvent) -> list[Line] | None:
        match event:
            case ev.SessionStarted():
                text = f"session {event.session}: {event.plan_title} on {event.target}"
                if event.copy_of:
                    text = f"REHEARSAL on a copy of {event.copy_of}, {text}"
                before = [
                    Line(f"{self.item(done.item)}: done before, in session {done.session}")
                    for done in event.done_before
                ]
                return [Line(text, Tone.STRONG), *before]
            case ev.EngineStarted():
                brought = [
                    Line(f"actions of {a.package} {a.version}: {', '.join(a.actions)}", Tone.FAINT)
                    for a in event.actions_from
                ]
                return [
                    Line(f"engine {event.epoch} started, pid {event.pid}", Tone.FAINT),
                    *brought,
                ]
            case ev.EngineStopped():
                return [Line(f"engine {event.epoch} stopped: {event.reason}", Tone.FAINT)]
            case ev.LockTaken():
                return [Line(taken_words(event), Tone.CARE)]
            case ev.PlanChangeAccepted():
                return [Line(f"changed plan accepted by {event.by}", Tone.CARE)]
            case ev.CommandRejected():
                return [Line(f"refused: {event.reason}", Tone.BAD)]
            case ev.RunPaused():
                return [Line(f"paused: {event.reason}", Tone.CARE)]
            case ev.NothingLeft():
                return [Line("nothing left to do in this scope")]
            case ev.RehearsalNoted():
                return [_rehearsed(self.item(event.item), event)]
            case ev.LogLost():
                kept = f"{event.stored} of {event.expected}"
                return [Line(f"log of {event.source}: only {kept} lines stored", Tone.BAD)]
            case ev.StatusReported():
                return self._report(event)
            case _:
                return None

    def _report(self, event: ev.StatusReported) -> list[Line]:
        if event == self._reported:
            return []
        self._reported = event
        return [Line(f"  {text}", Tone.FAINT) for text in report_lines(event)]

    def _checkpoint(self, event: ev.AnyEvent) -> list[Line] | None:
        match event:
            case ev.CheckpointOpened():
                return [Line(f"{self.item(event.item)}: checkpoint", Tone.STRONG)]
            case ev.FingerprintTaken():
                short = event.sha256[:12]
                return [Line(f"  fingerprint ({event.moment}) {short}", Tone.FAINT)]
            case ev.CheckFinished():
                return _check(event)
            case ev.LineConfirmed():
                title = checkpoint_title(self._plan, event.item, event.line)
                if event.assumed:
                    return [Line(f"  {title}: assumed (--yes, {event.by})", Tone.CARE)]
                return [Line(f"  {title}: confirmed by {event.by}", Tone.GOOD)]
            case ev.CheckpointPassed():
                return [Line(f"{self.item(event.item)}: checkpoint passed", Tone.GOOD)]
            case ev.CheckpointFailed():
                text = f"{self.item(event.item)}: checkpoint failed: {event.reason}"
                return [Line(text, Tone.BAD)]
            case ev.CriterionWaived():
                text = f"  {event.line} waived by {event.owner} until {event.expires}"
                return [Line(f"{text}: {event.reason}", Tone.CARE)]
            case ev.CaptureTaken():
                self._captures[event.id] = f"{event.kind} {event.name}"
                return [Line(f"  captured {event.kind} {event.name}: {event.summary}", Tone.FAINT)]
            case ev.CaptureRestored():
                words = "restored" if event.changed else "is as it was"
                return [Line(f"  {self._captures.get(event.id, event.id)}: {words}")]
            case _:
                return None

    def _step(self, event: ev.AnyEvent) -> list[Line] | None:
        match event:
            case ev.StepStarted():
                self._started[event.step] = self._at
                again = f" (attempt {event.attempt})" if event.attempt > 1 else ""
                return [Line(f"{self.step(event.step)}: running{again}", Tone.STRONG)]
            case ev.StepMeasured():
                tone = Tone.PLAIN if event.measurement.ok else Tone.BAD
                return [Line(f"  {measured(event.measurement)}", tone)]
            case ev.StepProgressed():
                return [Line(f"  {event.text}", Tone.FAINT)]
            case ev.StepStopping():
                text = f"{self.step(event.step)}: stopping, {event.reason}"
                return [Line(text, Tone.CARE)]
            case ev.StepSucceeded():
                return self._succeeded(event)
            case ev.StepFailed():
                text = f"{self.step(event.step)}: FAILED{self._took(event.step)}"
                return [Line(f"{text}: {event.error}", Tone.BAD), *_hint(event.hint)]
            case ev.StepSkipped():
                text = f"{self.step(event.step)}: skipped, {event.reason}"
                return [Line(f"{text} ({event.owner}, until {event.expires})", Tone.CARE)]
            case ev.StepNotApplicable():
                return [Line(f"{self.step(event.step)}: not applicable, {event.reason}")]
            case ev.StepBecameUnknown():
                text = f"{self.step(event.step)}: outcome unknown, {event.reason}"
                return [Line(text, Tone.CARE)]
            case ev.UnknownExamined():
                return [Line(f"  {event.words}", Tone.CARE)]
            case ev.UnknownResolved():
                tone = Tone.BAD if event.against_check else Tone.CARE
                against = ", AGAINST its check" if event.against_check else ""
                text = f"{self.step(event.step)}: {event.by} says that it is {event.answer.words}"
                return [Line(f"{text}{against}", tone)]
            case ev.StepReset():
                return [Line(f"{self.step(event.step)}: to be run again, {event.reason}")]
            case ev.ParametersEdited():
                return [Line(f"{self.step(event.step)}: parameters edited by {event.by}")]
            case _:
                return None

    def _guard(self, event: ev.AnyEvent) -> list[Line] | None:
        match event:
            case ev.GuardArmed():
                within = f"unless confirmed within {spoken(event.within)} of its end"
                why = f": {event.again}" if event.again else ""
                text = f"  guard {event.pid}: {self.step(event.step)} reverts by itself {within}"
                return [Line(f"{text}{why}", Tone.CARE)]
            case ev.GuardCounting():
                return [Line(f"  the time to confirm it begins: {event.reason}", Tone.FAINT)]
            case ev.StepConfirmed():
                by = f"assumed (--yes, {event.by})" if event.assumed else f"by {event.by}"
                text = f"{self.step(event.step)}: confirmed over a new connection, {by}"
                return [Line(text, Tone.CARE if event.assumed else Tone.GOOD)]
            case ev.ConfirmationFailed():
                text = f"{self.step(event.step)}: NOT confirmed, over new connections its check"
                return [Line(f"{text} says {event.evidence}", Tone.BAD)]
            case _:
                return None

    def _radius(self, event: ev.AnyEvent) -> list[Line] | None:
        if not isinstance(event, ev.BlastRadiusConfirmed):
            return None
        by = f"assumed (--yes, {event.by})" if event.assumed else f"confirmed by {event.by}"
        head = f"{self.step(event.step)}: blast radius {by}"
        return [
            Line(head, Tone.CARE if event.assumed else Tone.GOOD),
            *(Line(f"  {thing.words}") for thing in event.affected),
        ]

    def _succeeded(self, event: ev.StepSucceeded) -> list[Line]:
        text = f"{self.step(event.step)}: succeeded{self._took(event.step)}"
        lines = [Line(text, Tone.GOOD)]
        if event.evidence:
            lines.append(Line(f"  {event.evidence}", Tone.FAINT))
        return lines

    def _took(self, step_id: str) -> str:
        started = self._started.pop(step_id, "")
        if not started:
            return ""
        took = seconds((parse_time(self._at) - parse_time(started)).total_seconds())
        planned = self._steps[step_id][1].estimate if step_id in self._steps else None
        return f" in {took} (planned {planned})" if planned else f" in {took}"

    def _item(self, event: ev.AnyEvent) -> list[Line] | None:
        match event:
            case ev.ItemVerified():
                return [Line(f"{self.item(event.item)}: success criteria hold", Tone.GOOD)]
            case ev.ItemCommitted():
                short = event.commit[:12]
                return [Line(f"{self.item(event.item)}: committed as {short}", Tone.GOOD)]
            case ev.ItemNotCommitted():
                tone = Tone.BAD if event.fatal else Tone.FAINT
                text = f"{self.item(event.item)}: not committed: {event.reason}"
                return [Line(text, tone), *_hint(event.hint)]
            case ev.RollbackStarted():
                why = f": {event.reason}" if event.reason else ""
                text = f"{self.item(event.item)}: rolling back{why}"
                return [Line(text, Tone.STRONG)]
            case ev.RollbackFinished():
                return self._rolled_back(event)
            case ev.RollbackWarned():
                return [Line(event.text, Tone.CARE)]
            case ev.ItemNotApplicable():
                return [Line(f"{self.item(event.item)}: not required, {event.reason}")]
            case ev.ItemTakenUpAgain():
                text = f"{self.item(event.item)}: rolled back before, run again by {event.by}"
                return [Line(text, Tone.STRONG)]
            case ev.FallbackChosen():
                text = f"{self.item(event.item)}: {event.name} is put back, chosen by {event.by}"
                return [
                    Line(text, Tone.CARE),
                    *(Line(f"  lost: {loss}", Tone.CARE) for loss in event.losses),
                ]
            case ev.RollbackFailed():
                text = f"{self.item(event.item)}: rollback FAILED: {event.error}"
                return [Line(text, Tone.BAD), *_hint(event.hint)]
            case _:
                return None

    def _rolled_back(self, event: ev.RollbackFinished) -> list[Line]:
        item = self._items.get(event.item)
        budget = item.rollback_budget if item else None
        took = f"in {seconds(event.seconds)}" + (f" (budget {budget})" if budget else "")
        words, tone = ("proven", Tone.GOOD) if event.proven else ("NOT PROVEN", Tone.BAD)
        lines = [Line(f"{self.item(event.item)}: rolled back, {words}, {took}", tone)]
        lines += [
            Line(f"  differs: {d.field}: was {d.before}, is {d.after}", Tone.BAD)
            for d in event.differences
        ]
        lines += [Line(f"  kept: {text}") for text in event.kept]
        lines += [Line(f"  not compared: {text}", Tone.FAINT) for text in event.exclusions]
        lines += [Line(f"  {text}") for text in event.remarks]
        if event.revert_commit:
            lines.append(Line(f"  reverted by commit {event.revert_commit[:12]}"))
        return lines

    def _people(self, event: ev.AnyEvent) -> list[Line] | None:
        match event:
            case ev.QuestionAsked():
                needs = " (needs a person)" if event.person_required else ""
                if words := wanted(event.takes, event.default, secret=event.secret):
                    needs += f" ({words})"
                return [Line(f"question{needs}: {event.text}", Tone.CARE)]
            case ev.QuestionAnswered():
                by = f"--yes, {event.by}" if event.assumed else event.by
                return [Line(f"  answered {event.answer} ({by})", Tone.FAINT)]
            case ev.QuestionWithdrawn():
                return [Line(f"  question withdrawn: {event.reason}", Tone.FAINT)]
            case ev.HandsWentIn():
                where = self.step(event.step) if event.step else self.item(event.item)
                return [Line(f"{where}: {event.by} goes in by hand, {event.what}", Tone.CARE)]
            case ev.HandsCameOut():
                how = event.reason if event.exit_code is None else f"exit code {event.exit_code}"
                return [Line(f"  out again, {how}", Tone.CARE)]
            case ev.NoteAdded():
                return [Line(f"note by {event.by}: {event.text}")]
            case ev.BlockerRaised():
                return [Line(f"BLOCKER by {event.by}: {event.text}", Tone.BAD)]
            case ev.BlockerCleared():
                return [Line(f"blocker {event.id} cleared by {event.by}")]
            case ev.BriefWritten():
                head = Line(f"where we are, written by {event.by}:", Tone.STRONG)
                return [head, *(Line(f"  {text}") for text in event.lines)]
            case _:
                return None


def _score(event: ev.AnyEvent) -> list[Line] | None:
    match event:
        case ev.ScoreStarted():
            return [Line(f"security score ({event.moment}): measuring", Tone.STRONG)]
        case ev.ScoreChecked():
            words, tone = _SCORED[event.verdict]
            text = f"  {event.points:g}/{event.weight:g} {event.title}: {words}"
            return [Line(text, tone), Line(f"    {event.evidence}", Tone.FAINT)]
        case ev.ScoreMeasured():
            shares = ", ".join(f"{c.name} {_share(c.score)}" for c in event.categories)
            text = f"security score ({event.moment}): {told(event.total)} of 100"
            return [Line(text, Tone.STRONG), Line(f"  {shares}")]
        case ev.ScoreAbandoned():
            return [Line(f"security score: given up, {event.reason}", Tone.CARE)]
        case _:
            return None


def _signal(event: ev.AnyEvent) -> list[Line] | None:
    match event:
        case ev.RecheckStarted():
            return [Line("criteria: measuring again", Tone.STRONG)]
        case ev.RecheckFinished():
            text = f"criteria measured again in {seconds(event.seconds)}: {event.held} hold"
            if not event.failed + event.not_measured:
                return [Line(text, Tone.GOOD)]
            text = f"{text}, {event.failed} do not, {event.not_measured} not measured"
            return [Line(text, Tone.BAD if event.failed else Tone.CARE)]
        case ev.RecheckAbandoned():
            return [Line(f"criteria: given up, nothing counts: {event.reason}", Tone.CARE)]
        case ev.SignalExported():
            lines = [Line(f"signal exported: {event.verdict}, {event.path}", Tone.STRONG)]
            if event.withdraws:
                lines.append(Line(f"  {withdrawn_words(event.withdraws)}", Tone.CARE))
            return lines
        case _:
            return None


def withdrawn_words(withdrawn: ev.Withdrawal) -> str:
    """Which signal is withdrawn, and why, in one line."""
    signal = f"{withdrawn.verdict} of {at_second(withdrawn.at)}"
    return f"withdraws the signal {signal}, because {'; '.join(withdrawn.why)}"


_SCORED = {
    Result.PASSED.value: ("holds", Tone.GOOD),
    Result.FAILED.value: ("does not hold", Tone.CARE),
    Result.NOT_MEASURED.value: ("not measured", Tone.CARE),
    Result.NOT_APPLICABLE.value: ("not applicable", Tone.FAINT),
}


def _share(score: float | None) -> str:
    return "not applicable" if score is None else told(score)


def _rehearsed(item: str, event: ev.RehearsalNoted) -> Line:
    when = at_second(event.rehearsed_at)
    if not event.proven:
        return Line(f"{item}: its rehearsal of {when} failed", Tone.CARE)
    text = f"{item}: rollback proven in a rehearsal, {when}"
    return Line(f"{text}; {event.outdated}", Tone.CARE) if event.outdated else Line(text, Tone.GOOD)


def _check(event: ev.CheckFinished) -> list[Line]:
    words = {
        Verdict.PASSED: ("holds", Tone.GOOD),
        Verdict.FAILED: ("DOES NOT HOLD", Tone.BAD),
        Verdict.NOT_MEASURED: ("NOT MEASURED", Tone.BAD),
    }
    word, tone = words[event.verdict]
    lines = [Line(f"  {event.title or event.line}: {word} ({seconds(event.seconds)})", tone)]
    lines += [
        Line(f"    {measured(m)}", Tone.PLAIN if m.ok else Tone.BAD) for m in event.measurements
    ]
    if event.evidence:
        lines.append(Line(f"    {event.evidence}", Tone.FAINT))
    return lines


def _hint(hint: str) -> list[Line]:
    return [Line(f"  {hint}")] if hint else []
