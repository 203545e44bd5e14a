"""A real nginx from our template, in front of a service that tells what reached it."""

from __future__ import annotations

import contextlib
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container
from docker.models.networks import Network

from actions import _nginx_conf
from tests.actions.servers import issued, written

LABELS = {"runbook.test": "1"}
IMAGE = _nginx_conf.IMAGE
HEADERS = _nginx_conf.SECURITY_HEADERS
DEADLINE = 30.0

SERVICE = """
daemon off;
pid /tmp/nginx.pid;
events {}
http {
    client_body_temp_path /tmp/a; proxy_temp_path /tmp/b; fastcgi_temp_path /tmp/c;
    uwsgi_temp_path /tmp/d; scgi_temp_path /tmp/e;
    access_log off;
    server {
        listen 8000;
        HEADERS
        location / {
            default_type text/plain;
            return 200 "$http_host|$http_x_forwarded_for|$http_x_forwarded_proto|$request_uri";
        }
        location /broken { return 500; }
        location /bare { add_header X-Only-This yes; return 200 bare; }
    }
}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for a condition.

    Raises:
        TimeoutError: it does not come to hold.
    """
    deadline = time.monotonic() + DEADLINE
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The proxy's ports and files; `target` holds `certs/` and `nginx/`."""

    target: Path
    https_port: int
    http_port: int
    network: Network
    service: Container
    address: str
    """The service's, at first."""
    proxy: Container

    @property
    def https(self) -> str:
        return f"https://localhost:{self.https_port}"

    @property
    def http(self) -> str:
        return f"http://localhost:{self.http_port}"

    def log(self) -> str:
        return str(self.proxy.logs().decode())


@contextlib.contextmanager
def running(folder: Path, change: Callable[[str], str] = lambda text: text) -> Iterator[Edge]:
    """Start service and proxy; `change` may weaken the configuration."""
    client = docker.from_env()
    name = f"rbtest-edge-{uuid.uuid4().hex[:8]}"
    settings = _nginx_conf.chosen(https_port=free_port(), http_port=free_port())
    _write(folder, settings, change)
    with contextlib.ExitStack() as stack:
        stack.callback(client.close)
        network = client.networks.create(name, labels=LABELS)
        stack.callback(network.remove)
        service = _start_service(client, network, folder, f"{name}-api", ["api"])
        stack.callback(service.remove, force=True)
        proxy = _start_proxy(client, network, folder, settings, f"{name}-nginx")
        stack.callback(proxy.remove, force=True)
        until(lambda: _healthy(proxy), f"nginx did not get healthy: {proxy.logs().decode()}")
        yield Edge(
            target=folder,
            https_port=settings.https_port,
            http_port=settings.http_port,
            network=network,
            service=service,
            address=_address(service),
            proxy=proxy,
        )


def _write(folder: Path, settings: _nginx_conf.Settings, change: Callable[[str], str]) -> None:
    certs = written(folder, issued(names=["localhost", "127.0.0.1", "::1"]))
    if os.geteuid() == 0:
        os.chown(certs / "key.pem", 33, 33)
    (folder / "nginx").mkdir(exist_ok=True)
    (folder / "nginx/nginx.conf").write_text(change(_nginx_conf.render(settings).decode()))
    (folder / "service").mkdir(exist_ok=True)
    sent = " ".join(f'add_header {name} "{value}" always;' for name, value in HEADERS.items())
    (folder / "service/nginx.conf").write_text(SERVICE.replace("HEADERS", sent))


@contextlib.contextmanager
def moved(edge: Edge) -> Iterator[None]:
    """Start the stopped service again, at another address."""
    client = edge.network.client
    other = _start_service(client, edge.network, edge.target, f"{edge.service.name}-other", [])
    try:
        edge.service.start()
        edge.service.reload()
        assert _address(edge.service) not in ("", edge.address)
        yield
    finally:
        other.remove(force=True)


def _address(container: Container) -> str:
    networks = container.attrs["NetworkSettings"]["Networks"]
    return str(next(iter(networks.values()))["IPAddress"])


def _start_service(
    client: Any, network: Network, folder: Path, name: str, aliases: Sequence[str]
) -> Container:
    container: Container = client.containers.create(
        IMAGE,
        ["nginx", "-e", "/dev/stderr", "-c", "/srv/service/nginx.conf"],
        name=name,
        labels=LABELS,
        volumes={str(folder / "service"): {"bind": "/srv/service", "mode": "ro"}},
        network=network.name,
    )
    network.disconnect(container)
    network.connect(container, aliases=[*aliases])
    container.start()
    container.reload()
    return container


def _start_proxy(
    client: Any, network: Network, folder: Path, settings: _nginx_conf.Settings, name: str
) -> Container:
    user = 33 if os.geteuid() == 0 else os.geteuid()
    container: Container = client.containers.run(
        IMAGE,
        detach=True,
        name=name,
        labels=LABELS,
        user=f"{user}:{user}",
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true"],
        tmpfs={"/tmp": "mode=1777,size=64m"},
        volumes={
            str(folder / "certs"): {"bind": "/srv/certs", "mode": "ro"},
            str(folder / "nginx"): {"bind": "/srv/nginx", "mode": "ro"},
        },
        ports={
            "8443/tcp": ("127.0.0.1", settings.https_port),
            "8080/tcp": ("127.0.0.1", settings.http_port),
        },
        network=network.name,
    )
    return container


def _healthy(proxy: Container) -> bool:
    proxy.reload()
    if proxy.status == "exited":
        raise RuntimeError(proxy.logs().decode())
    return proxy.status == "running" and proxy.exec_run("healthcheck.sh").exit_code == 0
