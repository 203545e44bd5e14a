"""A project that does not come up: whatever Compose says, an engine that went away is told."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from runbook_app.adapters.compose_failure import FailedUp
from runbook_app.adapters.docker import NUMBER, SERVICE
from runbook_app.adapters.docker_client import DockerClient
from runbook_app.domain.errors import ActionError
from tests.adapters.answers import Answer

RAW = {
    "Id": "0123456789ab",
    "Name": "/shop-api-1",
    "State": {"Status": "exited", "ExitCode": 137, "Error": ""},
    "Config": {"Labels": {SERVICE: "api", NUMBER: "1"}, "Tty": True},
}


class Engine:
    """One container that has ended; from a given request on, nobody is there."""

    base_url = "http+docker://localhost"
    api_version = "1.41"

    def __init__(self, gone_from: str = "") -> None:
        self._gone_from = gone_from
        self._gone = False

    def _asked(self, request: str) -> None:
        self._gone = self._gone or request == self._gone_from
        if self._gone:
            raise requests.exceptions.ConnectionError("Connection aborted.")

    def containers(self, **_: object) -> list[dict[str, Any]]:
        self._asked("list")
        return [{"Id": RAW["Id"], "Labels": {}, "Names": ["/shop-api-1"], "Ports": []}]

    def inspect_container(self, _: str) -> dict[str, Any]:
        self._asked("inspect")
        return RAW

    def request(self, *_: object, **__: object) -> Answer:
        self._asked("log")
        broken = [ConnectionResetError()] if self._gone_from == "end of the log" else []
        return Answer([b"Killed\n", *broken])

    def ping(self) -> bool:
        self._asked("ping")
        return True


def explained(engine: Engine, said: str, monkeypatch: pytest.MonkeyPatch) -> ActionError:
    client = DockerClient()
    monkeypatch.setattr(client, "api", lambda: engine)
    return FailedUp(
        docker=client,
        said=said,
        file="compose.yml",
        model={"name": "shop", "services": {"api": {"ports": [{"published": "8080"}]}}},
        variables={"api_port": 8080},
        waited="3m",
    ).explained()


@pytest.mark.parametrize("gone_from", ["list", "inspect", "log", "ping"])
@pytest.mark.parametrize(
    "said",
    [
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.",
        "Error response from daemon: failed to update store for object type endpoint",
    ],
)
def test_an_engine_that_went_away_is_told_whatever_compose_says(said, gone_from, monkeypatch):
    error = explained(Engine(gone_from), said, monkeypatch)
    assert error.message == (
        f"The Docker engine went away while the project was brought up: {said}"
    )
    assert error.hint.startswith("Start it")


def test_a_container_that_ended_is_told_with_its_log(monkeypatch):
    error = explained(Engine(), "container shop-api-1 exited (137)", monkeypatch)
    assert error.message == (
        "api is exited, exit code 137: ended by SIGKILL.\nLast log lines of api:\nKilled"
    )


def test_a_log_that_breaks_off_keeps_nothing_else_back(monkeypatch):
    error = explained(Engine("end of the log"), "container shop-api-1 exited (137)", monkeypatch)
    assert error.message == "api is exited, exit code 137: ended by SIGKILL."
