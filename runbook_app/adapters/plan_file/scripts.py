"""Texts that a program will obey: no value is ever put into them, so that none is obeyed too."""

from __future__ import annotations

import re
from collections.abc import Collection

from runbook_app.adapters.plan_file.nodes import Node, Scalar
from runbook_app.adapters.plan_file.scalars import shorten
from runbook_app.adapters.plan_file.source import Place, Source
from runbook_app.adapters.plan_file.variables import closest

MOST = 100_000
"""Bytes; Linux takes 128 KiB for one argument of a command."""

_SHELL = re.compile(r"\$(\$?)\{(steps\.[^{}\n]+|each\.\w+|[A-Za-z_]\w*)\}?")
_SQL = re.compile(r"(?<!\$)\$\{([^{}\n]*)\}")
_BOUND = re.compile(r"%(?:%|\((\w+)\)[sbt]|)")


class Scripts:
    """Looks at the texts of one call."""

    def __init__(self, source: Source, variables: Collection[str], handed: Collection[str]) -> None:
        self._source = source
        self._variables = variables
        self._handed = handed
        """Names that the call hands to its texts by itself."""

    def command(self, node: Node, key: str, env: str) -> None:
        """A shell's or Python's: `${name}` is its own, and may be no variable of the plan."""
        for text in self._texts(node, key):
            for found in _SHELL.finditer(text.text):
                name = found[2]
                if found[1]:
                    message = f"{key!r} is handed over as it is written; write {found[0][1:]}"
                    self._wrong(text, found[0], message)
                elif self._stands_for_a_value(name) and name not in self._handed:
                    plain = name.rpartition(".")[2]
                    message = (
                        f"a value is never put into a command's text; hand {plain} over by its"
                        f' environment: {env}: {{{plain}: "${{{name}}}"}}'
                    )
                    self._wrong(text, found[0], message)

    def _stands_for_a_value(self, name: str) -> bool:
        return name in self._variables or name.startswith(("steps.", "each."))

    def query(self, node: Node, key: str, values: str) -> None:
        """A query's: values are bound, and `%(name)s` stands for them."""
        for text in self._texts(node, key):
            for found in _SQL.finditer(text.text):
                name = found[1]
                message = (
                    f"a value is never put into a query's text; bind it,"
                    f' {values}: {{{name}: "${{{name}}}"}}, and write %({name})s'
                )
                meant = "" if name in self._variables else closest(name, self._variables)
                self._wrong(text, found[0], message, meant)
            self._bound(text, values)

    def _bound(self, node: Scalar, values: str) -> None:
        for found in _BOUND.finditer(node.text):
            name = found[1]
            if name is not None and name not in self._handed:
                message = f"no value {name!r} is bound; name it under {values!r}"
                self._wrong(node, found[0], message, closest(name, self._handed))
            elif found[0] == "%" and self._handed:
                message = "beside bound values a percent sign is written %%"
                self._wrong(node, node.text[found.start() : found.end() + 1].strip(), message)

    def _texts(self, node: Node, key: str) -> list[Scalar]:
        """The text, if it is one that can be looked at."""
        if not isinstance(node, Scalar):
            return []
        if not node.text.strip() and not node.plain:
            self._source.wrong(node.mark, f"{key!r} is empty")
        elif len(node.text.encode()) > MOST:
            message = (
                f"{key!r} has {len(node.text.encode())} bytes, at most {MOST} fit; put them into a"
                " file of the target"
            )
            self._source.wrong(node.mark, message)
        return [node]

    def _wrong(self, node: Scalar, text: str, message: str, suggestion: str = "") -> None:
        place = self._place(node, text)
        self._source.wrong(place, f"{shorten(text)}: {message}", suggestion=suggestion)

    def _place(self, node: Scalar, text: str) -> Place:
        """Where a part of a text stands."""
        first = node.mark.line
        for line in range(first, first + node.text.count("\n") + 2):
            column = self._source.line(line).find(text, node.mark.column if line == first else 0)
            if column >= 0:
                return Place(line, column)
        return Place(first, node.mark.column)
