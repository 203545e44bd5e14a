"""nginx in front of the API: its image, and its configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actions import _proxy
from runbook_app.domain.errors import ActionError
from runbook_app.domain.measure import Finding
from runbook_app.ports.action import Run, effect
from runbook_app.ports.capabilities import Mount

TEMPLATES = Path(__file__).with_name("templates")
IMAGE = "runbook-staging-nginx:latest"

INTERMEDIATE = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
)
"""Mozilla Server Side TLS 6.0, intermediate: the suites of TLS 1.2."""

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "accelerometer=(), camera=(), geolocation=(), gyroscope=(), "
    "magnetometer=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""What nginx sends with answers of its own; those of the application keep the application's."""

_NAME = re.compile(r"[A-Za-z0-9.:\[\]-]+")
_SIZE = re.compile(r"\d+[kmKM]?")
_PATH = re.compile(r"/[A-Za-z0-9._/-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Parameters of `nginx.configure`, with its defaults."""

    https_port: int
    http_port: int
    upstream_service: str = "api"
    upstream_port: int = 8000
    server_names: list[str] = field(default_factory=lambda: ["localhost", "127.0.0.1"])
    hsts_max_age: int = 300
    headers: Mapping[str, str] = field(default_factory=lambda: SECURITY_HEADERS)
    closed: list[str] = field(default_factory=lambda: ["/docs", "/redoc", "/openapi.json"])
    max_body: str = "1m"
    read_timeout: int = 30
    connections_per_client: int = 200
    directory: str = "nginx"
    certificates: str = "certs"
    image: str = IMAGE
    uid: int = 33


@effect
async def configure(
    run: Run,
    *,
    https_port: int,
    http_port: int,
    upstream_service: str = "api",
    upstream_port: int = 8000,
    server_names: list[str] | None = None,
    hsts_max_age: int = 300,
    headers: dict[str, str] | None = None,
    closed: list[str] | None = None,
    max_body: str = "1m",
    read_timeout: int = 30,
    connections_per_client: int = 200,
    directory: str = "nginx",
    certificates: str = "certs",
    image: str = IMAGE,
    uid: int = 33,
) -> None:
    """Build nginx's image and write its configuration, once nginx itself has accepted it."""
    settings = _settings(
        https_port=https_port,
        http_port=http_port,
        upstream_service=upstream_service,
        upstream_port=upstream_port,
        server_names=server_names,
        hsts_max_age=hsts_max_age,
        headers=headers,
        closed=closed,
        max_body=max_body,
        read_timeout=read_timeout,
        connections_per_client=connections_per_client,
        directory=directory,
        certificates=certificates,
        image=image,
        uid=uid,
    )
    for name, text in image_files(settings).items():
        await run.files.write(name, text, mode=0o644)
    image_id = await run.containers.build(settings.directory, settings.image)
    configuration = render(settings)
    await _validate(run, settings, configuration)
    await run.files.write(f"{settings.directory}/nginx.conf", configuration, mode=0o644)
    run.output("image", image_id)


@configure.check
async def _(run: Run, **parameters: Any) -> Finding:
    settings = _settings(**parameters)
    wanted = image_files(settings) | {f"{settings.directory}/nginx.conf": render(settings)}
    written = [name for name, text in wanted.items() if _has(run, name, text)]
    built = await run.containers.image_id(settings.image)
    if len(written) == len(wanted) and built:
        return run.done(f"{', '.join(wanted)} written, image {settings.image} built")
    if not any(run.files.exists(name) for name in wanted):
        return run.not_done(f"{settings.directory} holds nothing of ours")
    other = [name for name in wanted if name not in written]
    missing = [f"{name} differs or is missing" for name in other]
    return run.partly("; ".join(missing or [f"the image {settings.image} is missing"]))


def _settings(**parameters: Any) -> Settings:
    """Take over what is given, and refuse what would be read as more than a value."""
    settings = Settings(**{name: value for name, value in parameters.items() if value is not None})
    for value, pattern in (
        *((name, _NAME) for name in settings.server_names),
        *((path, _PATH) for path in settings.closed),
        (settings.upstream_service, _NAME),
        (settings.max_body, _SIZE),
    ):
        if not pattern.fullmatch(value):
            raise ActionError(
                f"{value!r} can't stand in nginx's configuration.", hint="Correct the parameter."
            )
    for name, value in settings.headers.items():
        if not re.fullmatch(r"[A-Za-z0-9-]+", name) or re.search(r'["\\$\r\n]', value):
            raise ActionError(
                f"The header {name}: {value!r} can't stand in nginx's configuration.",
                hint="Use no quotes, backslashes, dollars or line breaks.",
            )
    return settings


def image_files(settings: Settings) -> dict[str, bytes]:
    """Return the files that the image is built from, by their path in the target."""
    return {
        f"{settings.directory}/Dockerfile": (TEMPLATES / "nginx.Dockerfile").read_bytes(),
        f"{settings.directory}/healthcheck.sh": (TEMPLATES / "nginx.healthcheck.sh").read_bytes(),
    }


def render(settings: Settings) -> bytes:
    """Write nginx.conf."""
    from jinja2 import Environment, StrictUndefined  # 60 ms, needed here alone

    environment = Environment(  # noqa: S701  # no HTML; the values are checked against patterns
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    template = environment.from_string((TEMPLATES / "nginx.conf.j2").read_text())
    text = template.render(
        https_port=settings.https_port,
        port_suffix="" if settings.https_port == 443 else f":{settings.https_port}",
        https_listen=_proxy.CONTAINER_HTTPS,
        http_listen=_proxy.CONTAINER_HTTP,
        upstream_service=settings.upstream_service,
        upstream_port=settings.upstream_port,
        server_names=settings.server_names,
        hsts_max_age=settings.hsts_max_age,
        headers=[
            {"name": name, "value": value, "variable": name.lower().replace("-", "_")}
            for name, value in settings.headers.items()
        ],
        closed=[re.escape(path) for path in settings.closed],
        ciphers=INTERMEDIATE,
        certificates=_proxy.CERTIFICATES,
        max_body=settings.max_body,
        read_timeout=settings.read_timeout,
        connections_per_client=settings.connections_per_client,
    )
    return text.encode()


async def _validate(run: Run, settings: Settings, configuration: bytes) -> None:
    """Let nginx read the configuration, with the certificates, before anything uses it."""
    folder = run.scratch / "nginx-candidate"
    folder.mkdir(mode=0o755, exist_ok=True)
    (folder / "nginx.conf").write_bytes(configuration)
    (folder / "nginx.conf").chmod(0o644)
    account = _proxy.account(run, settings.certificates, settings.uid)
    result = await run.containers.run_once(
        settings.image,
        ["nginx", "-t", "-e", "/dev/stderr", "-c", f"{_proxy.CONFIGURATION}/nginx.conf"],
        mounts=[
            Mount(source=folder, target=_proxy.CONFIGURATION),
            Mount(source=run.files.path(settings.certificates), target=_proxy.CERTIFICATES),
        ],
        user=f"{account}:{account}",
    )
    if not result.ok:
        words = (result.stderr + result.stdout).decode("utf-8", "replace").strip()
        raise ActionError(
            f"nginx refuses the configuration: {words}",
            hint="nginx.conf was not written. Correct the step's parameters, then retry.",
        )


def _has(run: Run, name: str, text: bytes) -> bool:
    return run.files.exists(name) and run.files.read(name) == text
