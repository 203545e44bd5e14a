"""The machine's clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from runbook_app.domain.guard import Moment

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class SystemClock:
    """Implements `ports.clock.Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def moment(self) -> Moment:
        return Moment(
            boot=_BOOT_ID.read_text().strip(), seconds=time.clock_gettime(time.CLOCK_BOOTTIME)
        )
