"""Images that tests of a real stack need: of the sample target, and what items put beside it.

They have names of their own: what a session builds under the target's names beside a test is not
what the test began with. A session's own build finds their layers, so that sessions side by side
build the same image.

python -m tests.real.images     build the missing ones, side by side
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from actions import _nginx_conf, _vault
from runbook_app.adapters.docker_build import Build
from runbook_app.adapters.docker_client import DockerClient
from runbook_app.resources import sample_target


def sample_image(docker: DockerClient, name: str) -> str:
    """The image's name; it is built where it is missing."""
    return _provided(docker, name, sample_target, f"docker/{name}/Dockerfile")


def _provided(
    docker: DockerClient, name: str, context: Callable[[], Path], dockerfile: str = "Dockerfile"
) -> str:
    tag = f"runbook-test-{name}:latest"
    if not docker.api().images(name=tag, quiet=True):
        Build(docker, context(), tag, dockerfile=dockerfile).run()
    return tag


def _nginx(folder: Path) -> Path:
    settings = _nginx_conf.Settings(https_port=8001, http_port=8080)
    return _written(folder, _nginx_conf.image_files(settings)) / settings.directory


def _vault_server(folder: Path) -> Path:
    return _written(folder, {n: (_vault.TEMPLATES / n).read_bytes() for n in _vault.FILES})


def _written(folder: Path, files: dict[str, bytes]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
        path.chmod(0o644)
    return folder


def main() -> None:
    docker = DockerClient()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as threads:
        nginx, vault = Path(folder, "nginx"), Path(folder, "vault")
        work = [
            threads.submit(sample_image, docker, "api"),
            threads.submit(sample_image, docker, "db"),
            threads.submit(_provided, docker, "nginx", lambda: _nginx(nginx)),
            threads.submit(_provided, docker, "vault", lambda: _vault_server(vault)),
        ]
        for one in work:
            one.result()
    docker.close()


if __name__ == "__main__":
    main()
