"""Where secrets can be read that should be read nowhere: measured from outside.

By shape, so that a secret nobody has told us of is seen; by value, where the stack's own are known.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping

from actions import _known_values, _stack
from actions._log_mark import request_is_logged
from actions._published import published
from actions._secret_shapes import CONTROL_NAME, in_environment, in_text, weak
from actions._tokens import SETTINGS
from runbook_app.domain.errors import DatabaseRefused, NotMeasured
from runbook_app.ports.action import Run, check
from runbook_app.ports.capabilities import ContainerInfo
from runbook_app.ports.database import Login

CONFIGURATION = re.compile(
    r"(?:^|/)(?:\.env[^/]*|Dockerfile[^/]*|[^/]+\.(?:ya?ml|toml|ini|cfg|conf|json|env|sh|properties))$"
)
"""Files whose settings are read by shape; others are searched for keys and known values alone."""
LARGEST = 1_000_000


async def _containers(run: Run) -> list[ContainerInfo]:
    found = [c for c in await run.containers.list() if c.status == "running"]
    if not found:
        raise NotMeasured("The project has no running container.", hint="Start the stack.")
    return found


def _control_shapes() -> None:
    """See that what is searched by shape would be seen.

    Raises:
        NotMeasured: it would not.
    """
    value = uuid.uuid4().hex
    text = f"  {CONTROL_NAME}: {value}\n"
    if not (in_environment({CONTROL_NAME: value}) and in_text(text)):
        raise NotMeasured("A secret is not seen where it is.", hint="Report this as a defect.")


@check
async def inspect(run: Run) -> None:
    """Find no secret in the environment that the engine tells of each container."""
    _control_shapes()
    for container in await _containers(run):
        if not container.environment:
            raise NotMeasured(f"The engine tells no environment of {container.service}.")
        found = in_environment(container.environment)
        run.require(f"docker inspect of {container.service}", not found, _told(found))


@check
async def first_process(run: Run) -> None:
    """Find no secret in the environment of the first process of each container."""
    _control_shapes()
    for container in await _containers(run):
        own = await _environment(run, container, "self")
        if "PATH" not in own:
            raise NotMeasured(f"No process's environment can be read in {container.service}.")
        # A process may write its title over it, as nginx does: then there is nothing to read.
        found = in_environment(await _environment(run, container, "1"))
        run.require(f"/proc/1/environ of {container.service}", not found, _told(found))


async def _environment(run: Run, container: ContainerInfo, process: str) -> dict[str, str]:
    path = f"/proc/{process}/environ"
    read = await run.containers.execute(
        container.service, ["cat", path], user=_user(container), log=False
    )
    if not read.ok:
        words = read.stderr.decode("utf-8", "replace").strip()
        raise NotMeasured(f"{path} of {container.service} can't be read: {words}")
    entries = read.stdout.decode("utf-8", "replace").split("\0")
    return dict(entry.partition("=")[::2] for entry in entries if entry)


def _user(container: ContainerInfo) -> str:
    """The account of the container's own process: another may not look at it without rights."""
    return str(container.raw.get("Config", {}).get("User") or "")


@check
async def compose_file(run: Run) -> None:
    """Find no secret in the Compose file."""
    _control_shapes()
    found = in_text(run.files.read(run.compose.file).decode("utf-8", "replace"))
    run.require(run.compose.file, not found, _told(found))


@check
async def images(run: Run, *, service: str = "api", settings: str = SETTINGS) -> None:
    """Find no secret in how each image was built, nor in what it is started with."""
    _control_shapes()
    values = await _known_values.present(run, service=service, settings=settings)
    for image in sorted({container.image for container in await _containers(run)}):
        history = (await run.containers.image_history(image)).decode("utf-8", "replace")
        if "Created" not in history:
            raise NotMeasured(f"The engine tells no history of {image}.")
        unpacked = history.replace("\\n", "\n").replace('"', "\n").replace(" ", "\n")
        found = [*in_text(unpacked), *_in(history, values)]
        run.require(f"history of {image}", not found, _told(found))


@check
async def repository(run: Run, *, service: str = "api", settings: str = SETTINGS) -> None:
    """Find no secret in the files that git tracks."""
    _control_shapes()
    values = await _known_values.present(run, service=service, settings=settings)
    paths = await _tracked(run)
    if run.compose.file not in paths:
        raise NotMeasured(f"git does not track {run.compose.file}: its list can't be whole.")
    found = []
    for path in paths:
        file = run.folder / path
        if not file.is_file() or file.stat().st_size > LARGEST:
            continue
        text = file.read_bytes().decode("utf-8", "replace")
        shapes = in_text(text) if CONFIGURATION.search(path) else []
        keys = [name for name in in_text(text) if name.startswith("a private key")]
        found += [f"{path}: {name}" for name in dict.fromkeys([*shapes, *keys, *_in(text, values)])]
    run.measure("tracked files", len(paths), at_least=1)
    run.require("no secret in them", not found, _told(found))


async def _tracked(run: Run) -> list[str]:
    if await run.git.state() == "no repository":
        raise NotMeasured("The target is no git repository.", hint="Run 'git init' there.")
    listed = await run.shell.run(["git", "ls-files", "-z"], log=False)
    return [name.decode("utf-8", "replace") for name in listed.stdout.split(b"\0") if name]


@check
async def container_logs(
    run: Run, *, port: int, service: str = "api", settings: str = SETTINGS, ca: str = "certs/ca.pem"
) -> None:
    """Find none of the stack's secrets in any container's log, where our own request is found."""
    values = await _known_values.present(run, service=service, settings=settings)
    url, authority = await _stack.outside(run, port=port, ca=ca)
    health = f"{url}{run.plan.target.api_health}"
    if not await request_is_logged(run, service, health, authority):
        raise NotMeasured(f"A request to {service} is not found in its log.")
    for container in await _containers(run):
        log = (await run.containers.logs(container.service)).decode("utf-8", "replace")
        found = _in(log, values)
        run.require(f"log of {container.service}, {len(log):,} letters", not found, _told(found))
    run.measure("secrets looked for", len(values))


def _in(text: str, values: Mapping[str, str]) -> list[str]:
    return [f"the value of {name}" for name, value in values.items() if value in text]


@check
async def files_private(run: Run, *, folders: list[str], files: list[str] | None = None) -> None:
    """Find each secret's file readable by its owner alone, and at least one there."""
    paths = [run.files.path(path) for path in files or [] if run.files.exists(path)]
    for folder in folders:
        root = run.files.path(folder)
        paths += sorted(p for p in root.rglob("*") if p.is_file()) if root.is_dir() else []
    if not paths:
        raise NotMeasured(f"There is no secret in a file: none in {', '.join(folders)}.")
    wide = []
    for path in paths:
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            wide.append(f"{path.relative_to(run.folder.resolve())} has mode {mode:04o}")
    run.measure("files of secrets", len(paths))
    run.require("readable by their owners alone", not wide, _told(wide))


@check
async def strength(
    run: Run, *, service: str = "api", settings: str = SETTINGS, least_bits: int = 100
) -> None:
    """Find each of the application's secrets hard to guess, no plain word, and none used twice."""
    values = await _known_values.of_settings(run, service=service, settings=settings)
    if not values:
        raise NotMeasured(f"The settings of {service} name no secret.")
    control = {"one": "postgres", "two": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}
    if len(list(weak(control, words=["postgres"], least_bits=least_bits))) < len(control):
        raise NotMeasured("A weak secret is not seen as one.", hint="Report this as a defect.")
    database = run.plan.target.database
    words = [database.service, database.name, database.user, database.superuser, service]
    found = list(weak(values, words=[*words, "postgres", "password"], least_bits=least_bits))
    run.measure("secrets", ", ".join(sorted(values)))
    run.require("strong and distinct", not found, _told(found))


@check
async def published_refused(
    run: Run, *, variable: str = "DB_PASSWORD", ca: str = "database/certs/ca.pem"
) -> None:
    """Find every database password that the repository ever published refused, where the present
    one lets in.

    What the history holds stays there: it is worthless only once it opens nothing.
    """
    old = await published(run, variable)
    authority = run.files.path(ca) if run.files.exists(ca) else None
    tls = "verify-full" if authority else ""
    await run.database.query("SELECT 1 AS one", login=Login(tls=tls, ca=authority))
    run.measure("control", "the present password lets in")
    run.measure(f"values of {variable} in the history", len(old))
    user = run.plan.target.database.user
    for number, value in enumerate(old, 1):
        login = Login(user=user, password=value, tls=tls, ca=authority)
        try:
            await run.database.query("SELECT 1 AS one", login=login)
        except DatabaseRefused as error:
            run.require(f"published value {number} refused", True, error.message)
        else:
            run.require(f"published value {number} refused", False, "it lets in")


def _told(found: list[str]) -> str:
    return "; ".join(found[:10]) + (f" and {len(found) - 10} more" if len(found) > 10 else "") or (
        "none"
    )
