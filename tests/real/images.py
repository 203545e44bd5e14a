"""The images of the sample target, which tests of a real stack start from.

They have a name of their own: what a session builds under the target's names beside a test is not
what the test began with. A session's own build finds their layers.

python -m tests.real.images     build the missing ones, side by side
"""

from concurrent.futures import ThreadPoolExecutor

from runbook_app.adapters.docker_build import Build
from runbook_app.adapters.docker_client import DockerClient
from runbook_app.resources import sample_target


def sample_image(docker: DockerClient, name: str) -> str:
    """The image's name; it is built where it is missing."""
    tag = f"runbook-test-{name}:latest"
    if not docker.api().images(name=tag, quiet=True):
        Build(docker, sample_target(), tag, dockerfile=f"docker/{name}/Dockerfile").run()
    return tag


def main() -> None:
    docker = DockerClient()
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda name: sample_image(docker, name), ("api", "db")))
    docker.close()


if __name__ == "__main__":
    main()
