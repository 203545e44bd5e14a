"""nginx in front of the API: its image, and its configuration."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from actions import _proxy
from actions._nginx_conf import IMAGE, Settings, chosen, image_files, render
from runbook_app.domain.clock import format_duration
from runbook_app.domain.errors import ActionError
from runbook_app.domain.measure import Finding
from runbook_app.ports.action import Run, effect
from runbook_app.ports.capabilities import Mount


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
    settings = chosen(
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
    remembered = format_duration(timedelta(seconds=hsts_max_age))
    run.output(
        "rollback_remark",
        f"Browsers that saw HSTS insist on HTTPS for {', '.join(settings.server_names)} "
        f"until {remembered} after their last visit; no rollback changes that.",
    )


@configure.check
async def _(run: Run, **parameters: Any) -> Finding:
    settings = chosen(**parameters)
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


async def _validate(run: Run, settings: Settings, configuration: bytes) -> None:
    """Let nginx read the configuration, with the certificates, before anything uses it."""
    folder = run.scratch / "nginx-candidate"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
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
