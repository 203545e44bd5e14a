"""Who is to be called when a person is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook_app.bootstrap.surroundings import home
from runbook_app.domain.errors import EnvironmentLacks

if TYPE_CHECKING:
    from runbook_app.engine.known_secrets import KnownSecrets
    from runbook_app.ports.notifier import Notifier


def notifier(secrets: KnownSecrets) -> Notifier:
    """What is configured; its addresses become secrets of the session."""
    from runbook_app.adapters.notifier import AppriseNotifier, addresses

    try:
        found = addresses(home())
    except EnvironmentLacks as error:
        return AppriseNotifier([], fault=str(error))
    for number, address in enumerate(found, 1):
        secrets.register(f"notify-{number}", address)
    return AppriseNotifier(found)


def send_notification(data: bytes) -> int:
    from runbook_app.adapters.notifier import send_one

    return send_one(data)
