"""What is predicted so far, of a target that stays as it is."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from runbook_app.adapters.file_captures import Packed
from runbook_app.domain.forecast import Foreseen
from runbook_app.ports.capabilities import ContainerInfo, ExecResult
from runbook_app.ports.foresight import Unforeseeable

DATABASE, ANSWERS, CONTAINERS = "database", "answers", "containers"
"""What runs: the database's server, what is answered over the network, all of the containers."""
TOLD = 400
"""Characters of a command that is told of by itself."""
_SHOWN = 80
"""Characters of a command within a sentence."""


def container(service: str) -> str:
    """What runs of one service."""
    return f"container {service}"


class World:
    """Predictions of all steps, and what the present one adds to them."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.files: dict[str, Packed] = {}
        """By path; one that would be removed does not exist."""
        self.built: set[str] = set()
        """Tags of images that would be built."""
        self.gone: set[str] = set()
        """Services whose containers would be removed."""
        self.commanded: dict[str, str] = {}
        """Services in whose containers a command would have run since the last `up`, and why."""
        self.up: bytes | None = None
        """The Compose file that the project would have been brought up with last."""
        self.handed: list[str] = []
        """Files that this step has captured for a command to change or to make."""
        self.looked = False
        self.assumed: list[str] = []
        self.answers: dict[Hashable, ExecResult] = {}
        """Of commands that the newest check ran here: they only read."""
        self._aged: dict[str, str] = {}
        """What runs, and why it is not as it was."""
        self._changes: list[Foreseen | str] = []
        """A path stands for its file, compared at the end."""
        self._before: Mapping[str, Packed] = {}
        self._step = ""
        self._asking = False
        self._ended = ""

    @property
    def untouched(self) -> bool:
        return not (self.files or self.built or self._aged or self.up is not None)

    @property
    def asking(self) -> bool:
        """Whether it is a check that runs: it may look at what runs, and change nothing."""
        return self._asking

    def begin(self, step: str, *, asking: bool) -> None:
        self._step, self._asking, self._ended = step, asking, ""
        self._changes, self._before = [], dict(self.files)
        self.looked, self.assumed, self.handed = False, [], []
        if asking:
            self.answers.clear()

    def cannot(self, needed: str) -> NoReturn:
        """End the prediction of this step.

        Raises:
            Unforeseeable: always; and again for all that the action still tries.
        """
        self._ended = self._ended or needed
        raise Unforeseeable(self._ended)

    def hold(self) -> None:
        """Go on only while the prediction has not ended."""
        if self._ended:
            raise Unforeseeable(self._ended)

    def may_change(self, what: str) -> None:
        """Go on only in an effect: a check that writes in order to look does not run here."""
        self.hold()
        if self._asking:
            self.cannot(f"{what}, which it does in order to look")

    def change(self, kind: str, name: str, how: str = "", text: str = "") -> None:
        self.may_change(f"{kind} {name} {how}".rstrip())
        self._changes.append(Foreseen(kind=kind, name=name, how=how, text=text))

    def lay(self, path: str, version: Packed) -> None:
        """Lay a file's new version over the target."""
        self.may_change(f"a change of {path}")
        if path not in self._changes:
            self._changes.append(path)
        self.files[path] = version

    def changes(self) -> Sequence[Foreseen | str]:
        return self._changes

    def before(self, path: str) -> Packed | None:
        """A file as the steps before would leave it; None: as it is in the target."""
        return self._before.get(path)

    def assume(self, what: str) -> None:
        if what not in self.assumed:
            self.assumed.append(what)

    def age(self, *things: str, by: str) -> None:
        """From now on these are not as they were."""
        for thing in things:
            self._aged.setdefault(thing, f"step {self._step} {by}")

    def command(self, service: str, command: str) -> None:
        """Note a command in a container, which may have ended what runs there."""
        self.commanded.setdefault(service, f"step {self._step} has run {command}")

    def aged(self, *things: str) -> str:
        """Why one of these is not as it was; empty: all are."""
        return next((self._aged[thing] for thing in things if thing in self._aged), "")

    @property
    def anything_aged(self) -> str:
        return next(iter(self._aged.values()), "")

    def must_be_as_it_was(self, what: str, *things: str) -> None:
        """Go on only where nothing is predicted to have changed these.

        Raises:
            Unforeseeable: `what` is to be seen only then.
        """
        self.hold()
        if why := self.aged(*things):
            self.cannot(f"{what}, once {why}")

    def shown_to(self, info: ContainerInfo) -> str:
        """A predicted file that a container sees through one of its mounts; empty for none."""
        mounts: Sequence[Mapping[str, Any]] = info.raw.get("Mounts") or ()
        sources = [Path(m["Source"]) for m in mounts if m.get("Type") == "bind"]
        for name in self.files:
            if any((self.root / name).is_relative_to(source) for source in sources):
                return name
        return ""

    def lose_sight(self, step: str) -> None:
        self._step = step
        self.age(CONTAINERS, DATABASE, ANSWERS, by="has run, of which not all is known")


def command_words(argv: Sequence[str], longest: int = _SHOWN) -> str:
    """A command on one line, cut where it is longer than so many characters."""
    text = " ".join(" ".join(argv).split())
    return text if len(text) <= longest else f"{text[:longest]}…"
