"""Every user command of the home screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from runbook_app.tui.view.home import HomePlan, HomeSession, Thing

if TYPE_CHECKING:
    from runbook_app.tui.screens.home import HomeApp


class HomeCommand:
    """One thing that can be done with one key, about the selected session or plan."""

    key: ClassVar[str]
    """As Textual names it, or the character itself."""
    label: ClassVar[str]
    help: ClassVar[str]
    group: ClassVar[str] = "Sessions and plans"

    def why_not(self, thing: Thing | None) -> str:
        """Why it can't be given now; empty when it can."""
        del thing
        return ""

    async def run(self, home: HomeApp) -> None:
        raise NotImplementedError


class OfSession(HomeCommand):
    def why_not(self, thing: Thing | None) -> str:
        return "" if isinstance(thing, HomeSession) else "Select a session first."


class Open(HomeCommand):
    key = "enter"
    label = "open or start"
    help = (
        "Attach to the selected session, or start one of the selected plan: it asks for the target"
        " and for what the plan may need. A second click does it too."
    )

    def why_not(self, thing: Thing | None) -> str:
        return "" if thing is not None else "There is nothing to open."

    async def run(self, home: HomeApp) -> None:
        match home.thing:
            case HomeSession(id=session):
                home.choose(session)
            case HomePlan() as plan:
                await home.start(plan)
            case None:
                pass


class Resume(OfSession):
    key = "e"
    label = "resume"
    help = "Start a new engine for an interrupted or stopped session, and open it."

    def why_not(self, thing: Thing | None) -> str:
        if refusal := super().why_not(thing):
            return refusal
        if isinstance(thing, HomeSession) and not thing.resumable:
            return f"It is {thing.shown.word}: there is nothing to resume. Enter opens it."
        return ""

    async def run(self, home: HomeApp) -> None:
        await home.resume()


class Watch(OfSession):
    key = "w"
    label = "watch"
    help = "Open the selected session read-only: no key can change anything."

    async def run(self, home: HomeApp) -> None:
        if isinstance(home.thing, HomeSession):
            home.choose(home.thing.id, read_only=True)


class Replay(OfSession):
    key = "v"
    label = "replay"
    help = "Tell the selected session again from its beginning, with a time slider."

    async def run(self, home: HomeApp) -> None:
        if isinstance(home.thing, HomeSession):
            home.choose(home.thing.id, replay=True)


class OtherPlan(HomeCommand):
    key = "o"
    label = "other plan"
    help = "Start a session of a plan that is not listed: asks for its file."

    async def run(self, home: HomeApp) -> None:
        await home.other_plan()


class ForeseePlan(HomeCommand):
    key = "D"
    label = "dry run"
    help = "Show what the selected plan would do to a target, step by step, changing nothing."

    def why_not(self, thing: Thing | None) -> str:
        if isinstance(thing, HomePlan):
            return ""
        return "Select a plan first. A session has its own dry run, by the same key on its screen."

    async def run(self, home: HomeApp) -> None:
        if isinstance(home.thing, HomePlan):
            await home.foresee(home.thing)


class ShowHelp(HomeCommand):
    key = "?"
    label = "help"
    help = "This page."
    group = "Look"

    async def run(self, home: HomeApp) -> None:
        home.show_help()


class Leave(HomeCommand):
    key = "q"
    label = "leave"
    help = "Leave the program; engines go on."
    group = "Look"

    async def run(self, home: HomeApp) -> None:
        home.exit(None)


HOME_COMMANDS: tuple[HomeCommand, ...] = (
    Open(),
    Resume(),
    Watch(),
    Replay(),
    OtherPlan(),
    ForeseePlan(),
    Leave(),
    ShowHelp(),
)
