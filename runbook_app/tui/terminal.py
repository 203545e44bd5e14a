"""Whether the terminal is still there, and whether it keeps up (one behind a slow line may not)."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.app import App


def behind(app: App[object]) -> bool:
    """Whether a picture waits that the terminal has not begun to take.

    Textual queues thirty of them, each of some kilobytes: over 1 Mbit/s a key would wait for all of
    them. Its drivers for browsers and tests have no such queue, and are never behind.
    """
    writer = getattr(app._driver, "_writer_thread", None)  # noqa: SLF001 - Textual tells it nowhere else
    return writer is not None and not writer._queue.empty()  # noqa: SLF001


def end_with_terminal() -> None:
    """Have this process end when its terminal is closed or the connection to it ends.

    The kernel tells that to the shell that began the session, and not every program there passes it
    on. Textual then reads the end of the input over and over, and waits for ever to write.
    """
    stream = sys.__stdin__
    if stream is not None and stream.isatty():
        waiting = threading.Thread(
            target=_end_with, args=(stream.fileno(),), name="terminal", daemon=True
        )
        waiting.start()


def _end_with(terminal: int) -> None:
    poll = select.poll()
    poll.register(terminal, 0)  # a hang-up is told unasked
    poll.poll()
    os._exit(128 + signal.SIGHUP)
