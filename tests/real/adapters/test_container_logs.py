"""No line of a container is lost, whatever the engine does with a followed log."""

import threading
import time

import pytest

from runbook_app.adapters import container_logs as module
from runbook_app.adapters.container_logs import ContainerLogs
from runbook_app.adapters.docker import PROJECT, SERVICE
from runbook_app.adapters.docker_client import Stream
from runbook_app.domain.errors import EnvironmentLacks
from runbook_app.domain.events import LogLost
from tests.real.adapters.stacks import BASE, remove_project, until

pytestmark = pytest.mark.real


class Sink:
    """Takes what is written, as slowly as it is told."""

    def __init__(self, delay: float = 0.0) -> None:
        self.blocks: dict[str, list[bytes]] = {}
        self._delay = delay

    def write(self, service: str, data: bytes) -> None:
        assert data.endswith(b"\n")
        self.blocks.setdefault(service, []).append(data)
        time.sleep(self._delay)

    def lines(self, service: str = "a") -> list[bytes]:
        return b"".join(self.blocks.get(service, [])).splitlines()


class Project:
    """Containers as Compose labels them."""

    def __init__(self, docker, name: str) -> None:
        self.name = name
        self._api = docker.api()

    def make(self, script: str, service: str = "a", *, tty: bool = False) -> str:
        made = self._api.create_container(
            BASE,
            ["sh", "-c", script],
            tty=tty,
            labels={PROJECT: self.name, SERVICE: service, "runbook.test": "1"},
            host_config=self._api.create_host_config(init=True),
        )
        return str(made["Id"])

    def start(self, container: str) -> None:
        self._api.start(container)

    def wait(self, container: str) -> None:
        self._api.wait(container)

    def stop(self, container: str) -> None:
        self._api.stop(container, timeout=0)


@pytest.fixture
def project(docker, tmp_path):
    name = f"rbtest-logs-{abs(hash(tmp_path)):x}"
    yield Project(docker, name)
    remove_project(docker, name)


@pytest.fixture
def follow(docker, project):
    started: list[ContainerLogs] = []

    def start(sink: Sink) -> ContainerLogs:
        logs = ContainerLogs(docker, sink.write)
        started.append(logs)
        logs.start(project.name)
        return logs

    yield start
    for logs in started:
        logs.stop()


def numbers(first: int, last: int) -> list[bytes]:
    return [str(n).encode() for n in range(first, last + 1)]


def test_all_lines_of_a_container_arrive_in_order(project, follow):
    sink = Sink()
    logs = follow(sink)
    container = project.make("seq 100000; printf unfinished")
    project.start(container)
    project.wait(container)
    until(lambda: sink.lines()[-1:] == [b"unfinished"])
    assert logs.stop() == []
    assert sink.lines() == [*numbers(1, 100_000), b"unfinished"]


def test_a_slow_reader_gets_all_lines_too(project, follow):
    sink = Sink(delay=0.005)
    logs = follow(sink)
    container = project.make("seq 1 200000; echo end")
    project.start(container)
    until(lambda: sink.lines()[-1:] == [b"end"], seconds=90)
    until(lambda: all(log.whole for log in logs._followed.values()), seconds=90)
    assert logs.stop() == []
    assert sink.lines() == [*numbers(1, 200_000), b"end"]


def test_only_what_is_new_arrives_of_a_container_that_runs_already(project, follow):
    container = project.make("echo old; read -r _ </dev/zero & sleep 0.5; echo new; sleep infinity")
    project.start(container)
    until(lambda: b"old" in project._api.logs(container))
    sink = Sink()
    follow(sink)
    until(lambda: sink.lines() == [b"new"])


@pytest.mark.parametrize("late", [0.0, 0.05, 0.5])
def test_each_run_of_a_container_arrives_once(project, follow, monkeypatch, late):
    """However late the engine's word of a start and an end is heard."""
    events = module._events

    def heard(stream):
        for event in events(stream):
            time.sleep(late)
            yield event

    monkeypatch.setattr(module, "_events", heard)
    sink = Sink()
    follow(sink)
    container = project.make(
        "n=$(cat /n || echo 1) 2>/dev/null; seq -f $n.%g 1000; echo $((n + 1)) >/n; echo end"
    )
    for _ in range(3):
        project.start(container)
        project.wait(container)
    until(lambda: sink.lines().count(b"end") >= 3)
    expected = [f"{run}.{n}".encode() for run in (1, 2, 3) for n in range(1, 1001)]
    assert [line for line in sink.lines() if line != b"end"] == expected
    time.sleep(2 * late)
    assert sink.lines().count(b"end") == 3


def test_a_container_of_another_project_is_not_followed(docker, project, follow):
    sink = Sink()
    follow(sink)
    other = Project(docker, project.name + "x")
    try:
        for one in (other, project):
            container = one.make("echo of $0; sleep 0.1", service=one.name)
            one.start(container)
            one.wait(container)
        until(lambda: sink.lines(project.name))
        assert not sink.lines(other.name)
    finally:
        remove_project(docker, other.name)


def test_a_terminals_output_arrives_as_it_is(project, follow):
    sink = Sink()
    follow(sink)
    project.start(project.make("printf 'a\\n\\033[31mred\\033[0m\\n'", tty=True))
    until(lambda: sink.lines() == [b"a", b"\x1b[31mred\x1b[0m"])


def test_a_follow_that_ends_early_is_noticed_and_made_good(project, follow, monkeypatch):
    """The engine ends the answer after some lines, as it does with a slow reader."""
    whole, cut = Stream.frames, threading.Event()

    def truncated(stream):
        for count, batch in enumerate(whole(stream)):
            yield batch[:10] if not cut.is_set() else batch
            if not cut.is_set() and count == 0:
                cut.set()
                return

    monkeypatch.setattr(Stream, "frames", truncated)
    sink = Sink()
    logs = follow(sink)
    container = project.make("seq 5000; echo end")
    project.start(container)
    project.wait(container)
    until(lambda: sink.lines()[-1:] == [b"end"])
    assert cut.is_set()
    assert sink.lines() == [*numbers(1, 5000), b"end"]
    until(lambda: all(log.whole for log in logs._followed.values()))
    assert logs.stop() == []


def test_a_follow_that_ends_early_goes_on_while_the_container_runs(project, follow, monkeypatch):
    monkeypatch.setattr(module, "_AGAIN", 0.05)
    whole, cut = Stream.frames, threading.Event()

    def truncated(stream):
        for batch in whole(stream):
            yield batch
            if not cut.is_set():
                cut.set()
                return

    monkeypatch.setattr(Stream, "frames", truncated)
    sink = Sink()
    follow(sink)
    project.start(project.make("for n in 1 2 3; do echo $n; sleep 0.2; done; sleep infinity"))
    until(lambda: sink.lines() == numbers(1, 3))
    assert cut.is_set()


def test_a_log_that_could_not_be_made_whole_is_told(project, follow, monkeypatch):
    def unreachable(*_, **__):
        raise EnvironmentLacks("gone")

    sink = Sink()
    logs = follow(sink)
    monkeypatch.setattr(module._Log, "complete", _incomplete(unreachable, module._Log.complete))
    container = project.make("seq 10")
    project.start(container)
    until(lambda: len(sink.lines()) == 10)
    until(lambda: all(log.ended for log in logs._followed.values()))
    assert logs.stop() == [LogLost(source="a", expected=0, stored=10)]


def _incomplete(unreachable, complete):
    def run(self, until):
        self._open = unreachable
        complete(self, until)

    return run


def test_stopping_does_not_wait_for_a_container_that_runs(project, follow):
    sink = Sink()
    logs = follow(sink)
    project.start(project.make("echo up; sleep infinity"))
    until(lambda: sink.lines() == [b"up"])
    begin = time.monotonic()
    assert logs.stop() == []
    assert time.monotonic() - begin < 2.0
    assert not [t for t in logs._threads if t.is_alive()]


def test_starting_without_an_engine_does_not_hang(docker, project, monkeypatch):
    monkeypatch.setattr(module, "_STOP_LIMIT", 0.3)

    def gone(*_, **__):
        raise EnvironmentLacks("no engine")

    monkeypatch.setattr(docker, "use", gone)
    logs = ContainerLogs(docker, Sink().write)
    logs.start(project.name)
    assert logs.stop() == []
