"""The doorbell's sockets."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runbook_app.adapters.doorbell import SocketDoorbell

ROOT = Path(__file__).parents[2]


def bell_process(folder: Path, then: str) -> subprocess.Popen[bytes]:
    source = (
        "import asyncio, sys\nfrom pathlib import Path\n"
        "from runbook_app.adapters.doorbell import SocketDoorbell\n"
        f"bell = SocketDoorbell(Path({str(folder)!r}))\n{then}\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )


async def test_a_ring_reaches_another_process_at_once(tmp_path):
    process = bell_process(
        tmp_path, "print('up', flush=True); print(asyncio.run(bell.wait(60)), flush=True)"
    )
    assert process.stdout
    assert process.stdout.readline() == b"up\n"
    bell = SocketDoorbell(tmp_path)
    bell.ring()
    assert process.communicate(timeout=30)[0] == b"True\n"
    bell.close()


def test_a_path_longer_than_a_socket_s_address_works(tmp_path):
    folder = tmp_path / ("long" * 30)
    folder.mkdir()

    async def story() -> bool:
        one, two = SocketDoorbell(folder), SocketDoorbell(folder)
        one.ring()
        try:
            return await two.wait(30)
        finally:
            one.close()
            two.close()

    assert asyncio.run(story())


def test_the_socket_of_a_killed_process_is_removed_by_the_next_ring(tmp_path):
    process = bell_process(tmp_path, "print('up', flush=True); sys.stdin.read()")
    assert process.stdout
    process.stdout.readline()
    process.kill()
    process.communicate()
    bell = SocketDoorbell(tmp_path)
    assert len(list((tmp_path / "bells").iterdir())) == 2
    bell.ring()
    assert len(list((tmp_path / "bells").iterdir())) == 1
    bell.close()
    assert list((tmp_path / "bells").iterdir()) == []


def test_the_folder_of_bells_is_private(tmp_path):
    bell = SocketDoorbell(tmp_path)
    assert (tmp_path / "bells").stat().st_mode & 0o777 == 0o700
    bell.close()


def test_ringing_somebody_who_never_listens_does_not_block(tmp_path):
    deaf, bell = SocketDoorbell(tmp_path), SocketDoorbell(tmp_path)
    for _ in range(5000):
        bell.ring()
    deaf.close()
    bell.close()


async def test_without_a_folder_it_only_waits(tmp_path):
    bell = SocketDoorbell(tmp_path / "none")
    bell.ring()
    begun = time.monotonic()
    assert not await bell.wait(0.02)
    assert time.monotonic() - begun >= 0.01
    bell.close()


def test_a_bell_waits_in_the_next_loop_too(tmp_path):
    one, two = SocketDoorbell(tmp_path), SocketDoorbell(tmp_path)
    for _ in range(2):
        one.ring()
        assert asyncio.run(two.wait(30))
    assert not asyncio.run(two.wait(0.01))
    one.close()
    two.close()


async def test_closing_while_somebody_waits_leaves_the_loop_in_order(tmp_path):
    bell = SocketDoorbell(tmp_path)
    wait = asyncio.create_task(bell.wait(0.02))
    await asyncio.sleep(0)
    bell.close()
    assert not await wait


@pytest.mark.parametrize("rubbish", ["note.txt", "folder.sock"])
def test_other_things_in_the_folder_are_left_alone(tmp_path, rubbish):
    bell = SocketDoorbell(tmp_path)
    (tmp_path / "bells" / rubbish).mkdir()
    bell.ring()
    assert (tmp_path / "bells" / rubbish).exists()
    bell.close()
    assert os.listdir(tmp_path / "bells") == [rubbish]  # noqa: PTH208 - names are what counts
