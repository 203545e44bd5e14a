"""Whether the terminal keeps up, as one behind a slow line may not."""

from __future__ import annotations

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
