"""Where an action's words go while the engine runs it."""

from __future__ import annotations

from runbook_app.domain.events import StepMeasured, StepProgressed
from runbook_app.domain.measure import Measurement, Scalar
from runbook_app.domain.state import SessionState
from runbook_app.engine.ledger import Ledger
from runbook_app.engine.questions import Questions
from runbook_app.engine.redaction import Redactor
from runbook_app.ports.journal import LogWriter


class WorkRecorder:
    """Implements `ports.action.Recorder` for one step, or for one line of a checkpoint.

    `step` is the id under which log lines are stored. A line's measurements are kept here and
    recorded with its result; a step's are recorded as they come.
    """

    def __init__(
        self,
        ledger: Ledger,
        questions: Questions,
        logs: LogWriter,
        redactor: Redactor,
        *,
        item: str,
        step: str,
        live: bool,
    ) -> None:
        self._ledger = ledger
        self._questions = questions
        self._logs = logs
        self._stream = redactor.stream()
        self._item = item
        self._step = step
        self._live = live
        self._written = False
        self.measurements: list[Measurement] = []
        self.outputs: dict[str, Scalar] = {}

    def log(self, text: str) -> None:
        self.output_bytes(text.encode() + b"\n")

    def output_bytes(self, data: bytes) -> None:
        """Log raw output of a child or a container's command."""
        self._write(self._stream.feed(data))

    def _write(self, clean: bytes) -> None:
        if clean:
            self._logs.write("step", self._step, clean)
            self._written = True

    def progress(self, text: str) -> None:
        if self._live:
            self._ledger.post(StepProgressed(item=self._item, step=self._step, text=text))

    def measured(self, measurement: Measurement) -> None:
        self.measurements.append(measurement)
        limit = f" (limit {measurement.limit})" if measurement.limit else ""
        mark = "" if measurement.ok else "  FAILED"
        unit = f" {measurement.unit}" if measurement.unit else ""
        self.log(f"measured {measurement.name}: {measurement.value}{unit}{limit}{mark}")
        if self._live:
            self._ledger.post(
                StepMeasured(item=self._item, step=self._step, measurement=measurement)
            )

    def output(self, name: str, value: Scalar) -> None:
        self.outputs[name] = value

    async def ask(
        self,
        text: str,
        *,
        choices: tuple[str, ...],
        kind: str,
        person_required: bool,
        takes: str = "text",
        default: str = "",
        secret: bool = False,
    ) -> str:
        answer = await self._questions.ask(
            text,
            item=self._item,
            step=self._step if self._live else "",
            kind=kind,
            choices=choices,
            person_required=person_required,
            takes=takes,
            default=default,
            secret=secret,
        )
        return answer.answer

    def previous(self, name: str) -> list[tuple[str, Measurement]]:
        return previous_measurements(self._ledger.state, name)

    def close(self) -> None:
        self._write(self._stream.close())
        if self._written:
            self._logs.finish("step", self._step)


def previous_measurements(state: SessionState, name: str) -> list[tuple[str, Measurement]]:
    """Measurements of a name in this session, oldest first, with what took each."""
    found: list[tuple[str, str, Measurement]] = []
    for item in state.items.values():
        for step in item.steps.values():
            found += [(step.started_at, step.id, m) for m in step.measurements if m.name == name]
        for section, lines in (("checkpoint", item.checkpoint), ("success", item.success)):
            for line in lines.values():
                if line.result:
                    source = f"{item.id}/{section}/{line.id}"
                    found += [
                        (line.at, source, m) for m in line.result.measurements if m.name == name
                    ]
    found.sort(key=lambda entry: entry[0])
    return [(source, measurement) for _, source, measurement in found]
