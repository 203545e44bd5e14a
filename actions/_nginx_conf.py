"""What nginx is built from, and its configuration, rendered from templates; nothing is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actions import _proxy
from runbook_app.domain.errors import ActionError

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


def chosen(**parameters: Any) -> Settings:
    """Take over what is given, and refuse what would be read as more than a value.

    Raises:
        ActionError: naming the value.
    """
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
