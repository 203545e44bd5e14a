"""What the target's containers write is masked whole, by each container's own stream."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from runbook_app.adapters.logs import SqliteLogReader
from runbook_app.domain.state import StepStatus

from .world import plan_of, step

SECRET = "s3cr3t-value-0123456789"


async def known(session) -> None:
    """Let the session learn the secret."""
    (session.world.root / "base.txt").write_text(SECRET)
    await session.run()
    await session.until(lambda: session.state.step("only.a").status is StepStatus.FAILED)


def lines(session) -> list[str]:
    """What is stored of the service, once the engine has ended."""
    reader = SqliteLogReader(session.world.folder / "logs.db", source="api")
    try:
        return [line.text for line in reader.lines(0, 1000)]
    finally:
        reader.close()


async def test_two_containers_of_a_service_at_once_mask_each_its_own(driven) -> None:
    async with driven(plan_of(step("only.a", "leaks", path="base.txt"))) as session:
        await known(session)
        write = session.world.target.write_log
        with ThreadPoolExecutor(1) as old, ThreadPoolExecutor(1) as new:
            old.submit(write, "api", f"old {SECRET[:9]}".encode()).result()
            new.submit(write, "api", b"new speaks\n").result()
            old.submit(write, "api", f"{SECRET[9:]} ends\n".encode()).result()
    text = "\n".join(lines(session))
    assert "[secret:TOKEN] ends" in text
    assert "new speaks" in text
    assert SECRET[:9] not in text
    assert SECRET[9:] not in text


async def test_what_a_stream_held_back_is_stored_when_the_engine_ends(driven) -> None:
    async with driven(plan_of(step("only.a", "leaks", path="base.txt"))) as session:
        await known(session)
        session.world.target.write_log("api", f"last words {SECRET[:9]}".encode())
    assert lines(session) == [f"last words {SECRET[:9]}"]
