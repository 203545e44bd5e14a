"""Runs the tour's session with the real program, on a target where no container runs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pictures.empty_engine import empty_engine, one_container
from runbook_app import bootstrap
from runbook_app.domain.forecast import Forecast
from runbook_app.ports.session import Change

PLAN = Path(__file__).with_name("plan.yaml")
RESTART = PLAN.with_name("restart.yaml")
RESTARTED = """\
services:
  api: {image: shop:2}
  nginx: {image: nginx:1.28, depends_on: [api]}
"""
RUNBOOK = Path(sys.executable).with_name("runbook")
SLOW = 3.0
"""Seconds for an answer under load."""


class Shop:
    """Answers 502 until it is mended."""

    def __init__(self) -> None:
        self.status = 502
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/slow":
                    time.sleep(SLOW)
                self.send_response(shop.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @contextmanager
    def open(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()


@dataclass(frozen=True, kw_only=True)
class Recorded:
    session: str
    """Its id."""
    plan: Path
    shop: str = ""
    """The shop's address."""
    foreseen: Forecast | None = None
    """The dry run before it."""
    changed: Sequence[Change] = ()
    """By its second item, when all was done."""


def record(base: Path) -> Recorded:
    """Run it in `base`, from a dry run to its signal."""
    target = base / "shop"
    target.mkdir()
    (target / "docker-compose.yml").write_text("services: {}\n")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "feat: the shop"]):
        _call(["git", *words], target)
    shop = Shop()
    with shop.open(), empty_engine(base / "engine.sock") as engine:
        os.environ["DOCKER_HOST"] = engine
        plan = bootstrap.load_plan(PLAN, target, {"shop": shop.url}, window_from_now=True)
        foreseen = bootstrap.foresee(plan, target)
        run = ["run", str(PLAN), "--target", str(target), "--yes", "--set", f"shop={shop.url}"]
        _call([str(RUNBOOK), *run], target, code=1)
        shop.status = 200
        _call([str(RUNBOOK), "resume", "--headless", "--yes", "--target", str(target)], target)
        session = bootstrap.open_session(None, target, read_only=True)
        changed = session.changes_of("secrets")
        session.close()
        _call([str(RUNBOOK), "export", "--target", str(target)], target)
        return Recorded(
            session=session.id, plan=PLAN, shop=shop.url, foreseen=foreseen, changed=changed
        )


def record_restart(base: Path) -> Recorded:
    """Run it in `base` until it asks for the blast radius of its step."""
    target = base / "restart" / "shop"
    target.mkdir(parents=True)
    (target / "docker-compose.yml").write_text(RESTARTED)
    with empty_engine(base / "one.sock", one_container("api")) as engine:
        os.environ["DOCKER_HOST"] = engine
        run = ["run", str(RESTART), "--target", str(target)]
        _call([str(RUNBOOK), *run], target, code=3)
    session = bootstrap.open_session(None, target, read_only=True)
    session.close()
    return Recorded(session=session.id, plan=RESTART)


def _call(argv: list[str], folder: Path, code: int = 0) -> None:
    author = {
        f"GIT_{who}_{what}": "operator@example.com" if what == "EMAIL" else "operator"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        argv,
        cwd=folder,
        env={**os.environ, **author, "LOGNAME": "operator"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != code:
        raise SystemExit(
            f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
