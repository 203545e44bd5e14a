"""A session from beginning to end as a person drives it: the real program, real keys, a terminal.

What it needs of a Docker engine is answered by one without containers (`EmptyEngine`).
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer

import pytest

from runbook_app.adapters.children import start_time
from runbook_app.adapters.clock import SystemClock
from runbook_app.adapters.sqlite_journal import SqliteJournal
from runbook_app.domain.fold import fold
from runbook_app.domain.state import ItemStatus, SessionState, StepStatus

PATIENCE = 120.0
LOOK = 0.2
_SGR = r"(?:\x1b\[[0-9;]*m)*"
FOCUSED = re.compile(rf"\x1b\[1m{_SGR}▌{_SGR}1 ")
"""The first row of a menu, its mark bold as only that of what has the focus is."""

PLAN = """\
plan: keys
title: Keys and a word
version: "1"
target: {compose: compose.yml}
items:
  - id: keys
    number: 1
    title: A key
    checkpoint:
      - capture: {files: [compose.yml]}
    rollback: captures
    steps:
      - {id: make, title: Make a key, action: tls.generate_certificate, with: {directory: certs}}
      - {id: find, title: Find what is not there, action: files.present, with: {path: missing}}
  - id: word
    number: 2
    title: A word
    steps:
      - id: say
        title: Hear a word
        action: manual.confirm
        with: {text: The keys are known}
"""


class EmptyEngine(BaseHTTPRequestHandler):
    """Answers as a Docker engine that runs nothing."""

    protocol_version = "HTTP/1.1"
    ended = threading.Event()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.endswith("/events"):
            self.send_response(200)
            self.end_headers()
            self.ended.wait()
            return
        found: object = []
        if path.endswith("/version"):
            found = {"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12"}
        elif path.endswith("/info"):
            found = {"SystemTime": time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime())}
        elif path.endswith("/volumes"):
            found = {"Volumes": []}
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


class _Server(ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False


class Desk:
    """A person's terminals (one tmux server of its own), a target and a home for sessions."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.target = base / "target"
        self.home = base / "home"
        self.target.mkdir()
        (self.target / "compose.yml").write_text("services: {nothing: {image: none}}\n")
        (base / "plan.yaml").write_text(PLAN)
        self._environment = {
            **os.environ,
            "RUNBOOK_HOME": str(self.home),
            "DOCKER_HOST": f"unix://{base}/docker.sock",
            "TMUX_TMPDIR": str(base),
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "LANG": "C.UTF-8",
        }
        for name in ("TMUX", "COLUMNS", "LINES"):
            self._environment.pop(name, None)
        self.engines: dict[int, str] = {}
        """Pid and start of each engine that was seen."""

    def tmux(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["tmux", "-L", "t", "-f", "/dev/null", *arguments],
            capture_output=True,
            text=True,
            check=check,
            env=self._environment,
            timeout=PATIENCE,
        )
        return done.stdout

    def runbook(self, *arguments: str) -> None:
        """Call it in a terminal of 120×40 that stays when it ends."""
        command = shlex.join([sys.executable, "-m", "runbook_app.cli", *arguments])
        words = f"cd {shlex.quote(str(self.target))}; {command}; echo LEFT $?; exec cat"
        self.tmux("new-session", "-d", "-x", "120", "-y", "40", words)

    def close_terminal(self) -> None:
        """End the terminal and what runs in it, by SIGHUP; wait until its server has ended."""
        pid = int(self.tmux("display-message", "-p", "#{pid}"))
        started = start_time(pid)
        self.tmux("kill-server")
        deadline = time.monotonic() + PATIENCE
        while start_time(pid) == started:
            assert time.monotonic() < deadline, f"tmux's server {pid} does not end"
            time.sleep(LOOK)

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def screen(self) -> str:
        shown = self.tmux("capture-pane", "-p", check=False)
        return shown.replace("\u00a0", " ")  # titles of borders do not break

    def menu_has_the_keys(self) -> None:
        """Wait until the cursor of the menu is drawn as that of what has the focus."""
        deadline = time.monotonic() + PATIENCE
        while not FOCUSED.search(text := self.tmux("capture-pane", "-pe", check=False)):
            assert time.monotonic() < deadline, f"no menu has the focus:\n{text}"
            time.sleep(LOOK)

    def shown(self, *words: str) -> str:
        """Wait until all of it is on the screen."""
        deadline = time.monotonic() + PATIENCE
        while True:
            text = self.screen()
            if all(word in text for word in words):
                return text
            assert time.monotonic() < deadline, f"never showed {words}:\n{text}"
            time.sleep(LOOK)

    def no_more(self, words: str) -> None:
        """Wait until it is not on the screen any more."""
        deadline = time.monotonic() + PATIENCE
        while words in (text := self.screen()):
            assert time.monotonic() < deadline, f"went on showing {words}:\n{text}"
            time.sleep(LOOK)

    def state(self) -> SessionState:
        (folder,) = self.home.glob("*/journal.db")
        journal = SqliteJournal(folder, SystemClock(), read_only=True)
        try:
            state = fold(journal.read())
        finally:
            journal.close()
        if state.engine is not None:
            self.engines[state.engine.pid] = state.engine.pid_started
        return state

    def engine(self) -> int:
        """The pid of the engine that lives."""
        state = self.state()
        assert state.engine is not None
        assert self.alive(state.engine.pid)
        return state.engine.pid

    def alive(self, pid: int) -> bool:
        return start_time(pid) == self.engines[pid]

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        self.gone(pid)

    def gone(self, pid: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.alive(pid):
            assert time.monotonic() < deadline, f"{pid} does not end"
            time.sleep(LOOK)

    def clear(self) -> None:
        """End what is left."""
        self.tmux("kill-server", check=False)
        if list(self.home.glob("*/journal.db")):
            self.state()
        for pid in self.engines:
            if self.alive(pid):
                self.kill(pid)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with tempfile.TemporaryDirectory(prefix="rb-") as name:  # a socket's path has to be short
        made = Desk(Path(name))
        EmptyEngine.ended.clear()
        server = _Server(f"{name}/docker.sock", EmptyEngine)
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": LOOK})
        serving.start()
        try:
            yield made
        finally:
            made.clear()
            EmptyEngine.ended.set()
            server.shutdown()
            serving.join()
            server.server_close()


@pytest.mark.timeout(900)
def test_a_session_is_driven_by_keys_through_failure_rollback_kill_and_resume(desk: Desk) -> None:
    desk.runbook("open", str(desk.base / "plan.yaml"), "--target", str(desk.target))
    desk.shown("engine ● alive", "next: ")
    engine = desk.engine()
    assert os.getsid(engine) == engine, "the engine belongs to the terminal"

    desk.press("D")
    desk.shown("DRY RUN", "what is still to do", "1.1 Make a key", "predicted    file certs/")
    desk.press("Escape")
    desk.shown("engine ● alive", "next: ")
    assert not (desk.target / "certs").exists()

    desk.press("a")
    desk.shown("Go live", f"Type the target's name to go live: {desk.target.name}")
    for key in (*desk.target.name, "Enter"):
        desk.press(key)
    desk.shown("✗ FAILED", "1.2 Find what is not there failed: missing present", "· Retry")
    assert list((desk.target / "certs").iterdir())

    desk.press("r")
    desk.shown("↺ rolled back", "proven: equals the checkpoint")
    assert not (desk.target / "certs").exists()

    desk.press("a")
    desk.shown("The keys are known", "escape later")
    desk.press("Escape")
    desk.no_more("escape later")
    desk.press("q")
    desk.shown("A question is open; it stays open when you detach")
    desk.press("1")
    desk.shown("LEFT 0", f"The engine goes on. Come back with: runbook attach {desk.state().id}")
    assert desk.engine() == engine
    desk.close_terminal()
    os.kill(engine, signal.SIGHUP)

    desk.runbook("attach")
    desk.shown("The keys are known", "escape later")
    desk.close_terminal()
    assert desk.engine() == engine
    assert desk.state().question is not None

    desk.kill(engine)
    desk.runbook("attach")
    desk.shown("ENGINE DEAD", "e starts a new one", "INTERRUPTED")
    desk.press("q")
    desk.shown("LEFT 0", f"Go on with: runbook resume {desk.state().id}")
    desk.close_terminal()

    desk.runbook("resume")
    desk.shown("2.1 Hear a word is UNKNOWN", "It is not done", "so its check finds")
    assert desk.engine() != engine
    desk.press("Enter")
    desk.menu_has_the_keys()
    desk.press("Enter")
    desk.shown("The keys are known", "escape later")
    desk.press("Enter")
    desk.shown("next: Success criteria of 2 A word")
    desk.press("a")
    desk.shown("■ ended")
    state = desk.state()
    assert state.step("word.say").status is StepStatus.SUCCEEDED
    assert state.step("word.say").attempt == 2
    assert state.items["keys"].status is ItemStatus.ROLLED_BACK

    engine = desk.engine()
    desk.press("q")
    desk.shown("Stop the engine")
    desk.press("2")
    desk.shown("LEFT 0")
    desk.gone(engine)
