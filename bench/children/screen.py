"""Widgets in an app of ours without a terminal, one measurement a process; prints JSON.

python -m bench.children.screen tree NODES | textual-tree NODES | load FILE KEYS
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from textual.app import App
from textual.widget import Widget
from textual.widgets import Tree

from bench.samples import STEPS_PER_ITEM, started
from runbook_app.adapters.logs import SqliteLogReader
from runbook_app.domain.entry import GENESIS, Entry
from runbook_app.domain.fold import fold
from runbook_app.domain.plan import Item, Plan, TargetSpec
from runbook_app.domain.state import SessionState
from runbook_app.tui.styled import StyledApp
from runbook_app.tui.widgets.log_view import LogView
from runbook_app.tui.widgets.plan_tree import PlanTree

SIZE = (120, 40)
KEYS = 60
PROBE = 0.01
"""Seconds that the probe sleeps; what it sleeps longer is the loop's lag."""
PATIENCE = 60.0
"""Seconds until what a key does is held to come no more."""
AT = "2025-10-24T08:00:00.000Z"


async def painted(widget: Widget) -> None:
    """Wait until what has changed is drawn."""
    done = asyncio.Event()
    widget.call_after_refresh(done.set)
    await done.wait()


async def mounted(app: App[None], make: Callable[[], Widget]) -> tuple[Widget, float]:
    """A widget, and milliseconds until it was drawn."""
    began = time.perf_counter()
    widget = make()
    await app.mount(widget)
    await painted(widget)
    return widget, (time.perf_counter() - began) * 1e3


async def pressed(app: App[None], widget: Widget, key: str, place: Callable[[], object]) -> float:
    """Milliseconds from a key until its effect was drawn."""
    before = place()
    began = time.perf_counter()
    app.simulate_key(key)
    async with asyncio.timeout(PATIENCE):
        while place() == before:  # noqa: ASYNC110 - what changes is no event
            await asyncio.sleep(0)
    await painted(widget)
    return (time.perf_counter() - began) * 1e3


def begun(nodes: int) -> tuple[Plan, SessionState]:
    """A plan of so many items, and a session of it that has just begun."""
    items = tuple(
        Item(id=f"item{number}", number=number + 1, title=f"Objective {number}")
        for number in range(nodes)
    )
    plan = Plan(
        id="bench",
        title="Bench plan",
        version="1",
        path="plan.yaml",
        sha256="0" * 64,
        items=items,
        target=TargetSpec(compose="compose.yaml"),
    )
    return plan, fold([Entry(seq=1, at=AT, body=started(plan), previous=GENESIS, hash="")])


def textual_tree(nodes: int) -> Tree[None]:
    tree: Tree[None] = Tree("Bench plan")
    tree.root.expand()
    for first in range(0, nodes, STEPS_PER_ITEM):
        branch = tree.root.add(f"Objective {first // STEPS_PER_ITEM}", expand=True)
        for number in range(first + 1, min(nodes, first + STEPS_PER_ITEM)):
            branch.add_leaf(f"Step {number}")
    return tree


async def tree(nodes: int, *, own: bool) -> dict[str, object]:
    app: App[None] = StyledApp()
    plan, state = begun(nodes)

    def make() -> Widget:
        return PlanTree(plan, lambda: state, lambda: AT) if own else textual_tree(nodes)

    async with app.run_test(size=SIZE):
        widget, took = await mounted(app, make)
        widget.focus()
        await painted(widget)
        keys = [await pressed(app, widget, "down", lambda: _cursor(widget)) for _ in range(KEYS)]
        return {"mount": took, "keys": keys}


def _cursor(widget: Widget) -> int:
    if isinstance(widget, PlanTree):
        return widget.cursor
    return widget.cursor_line if isinstance(widget, Tree) else 0


async def load(path: Path, keys: int) -> dict[str, object]:
    """Scroll a log that another process writes, and watch the loop meanwhile."""
    app: App[None] = StyledApp()
    lags: list[float] = []

    def following() -> bool:
        """The first row would not do: it may stand where it stood before more lines came."""
        return isinstance(widget, LogView) and widget.following

    async def probe() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(PROBE)
            lags.append((time.perf_counter() - began - PROBE) * 1e3)

    async with app.run_test(size=SIZE):
        reader = SqliteLogReader(path)
        widget, _ = await mounted(app, lambda: LogView(reader))
        widget.focus()
        await painted(widget)
        first = reader.count()
        began = time.perf_counter()
        probing = asyncio.create_task(probe())
        took = []
        for _ in range(keys):
            took.append(await pressed(app, widget, "up", following))
            await asyncio.sleep(0.03)
            app.simulate_key("end")
            await asyncio.sleep(0.06)
        probing.cancel()
        rate = (reader.count() - first) / (time.perf_counter() - began)
        reader.close()
        return {"keys": took, "lags": lags, "rate": rate}


def main() -> None:
    what = sys.argv[1]
    if what == "load":
        found = asyncio.run(load(Path(sys.argv[2]), int(sys.argv[3])))
    else:
        found = asyncio.run(tree(int(sys.argv[2]), own=what == "tree"))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
