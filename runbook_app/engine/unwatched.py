"""Where the words of work go that nobody watches."""

from __future__ import annotations

from runbook_app.domain.measure import Measurement, Scalar


class Unwatched:
    """Base of `ports.action.Recorder`s that keep nothing, and where nobody answers."""

    def log(self, text: str) -> None:
        pass

    def output_bytes(self, data: bytes) -> None:
        pass

    def progress(self, text: str) -> None:
        pass

    def measured(self, measurement: Measurement) -> None:
        pass

    def output(self, name: str, value: Scalar) -> None:
        pass

    async def ask(self, text: str, **how: object) -> str:
        raise NotImplementedError

    def previous(self, name: str) -> list[tuple[str, Measurement]]:
        raise NotImplementedError
