"""How nginx is put in front of the API in a Compose document."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Any

from actions import _comments
from runbook_app.domain.errors import ActionError
from runbook_app.ports.action import Run

Document = MutableMapping[str, Any]
CONTAINER_HTTPS = 8443
CONTAINER_HTTP = 8080
CERTIFICATES = "/srv/certs"
CONFIGURATION = "/srv/nginx"
TRUSTED_PROXIES = "FORWARDED_ALLOW_IPS"
LOG_OPTIONS = {"max-size": "10m", "max-file": "5"}
"""Without a bound, whoever sends requests can fill the disk."""


def account(run: Run, certificates: str, uid: int) -> int:
    """Return the uid that the proxy must run as, to read the key: that of the key's owner."""
    state = run.files.state(f"{certificates}/key.pem")
    if state is not None and state.uid != 0:
        return state.uid
    return uid if os.geteuid() == 0 else os.geteuid()


def wanted(run: Run, **parameters: Any) -> Proxy:
    """Make the proxy of an action's parameters, run as whoever may read the key."""
    proxy = Proxy(**parameters)
    return replace(proxy, uid=account(run, proxy.certificates, proxy.uid))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    https_port: int
    http_port: int
    service: str = "nginx"
    api_service: str = "api"
    image: str = "runbook-staging-nginx:latest"
    address: str = ""
    """On the stack's network; empty takes the highest one of its subnet."""
    subnet: str = ""
    """Given to the network when the file sets none."""
    certificates: str = "certs"
    configuration: str = "nginx"
    host_ip: str = "127.0.0.1"
    uid: int = 33

    def put_in_front(self, document: Document) -> None:
        api = self._service(document, self.api_service)
        address = self.fixed_address(document, declare=True)
        self._close(api)
        _set_variable(api, TRUSTED_PROXIES, address)
        if "logging" not in api:
            _insert(api, list(api).index("environment"), "logging", _logging())
        definition = self._definition(self._network(document), address)
        services = document["services"]
        if self.service in services:
            _become(services[self.service], definition)
            return
        services[self.service] = definition
        reason = "Terminates TLS, and is the only way in from outside."
        _comments.before(services, self.service, reason, indent=2)
        self._set_apart(document)

    def _set_apart(self, document: Document) -> None:
        """Give the next section its empty line back, which now stands above the new service."""
        keys = list(document)
        following = keys[keys.index("services") + 1 :]
        if following:
            _comments.blank_before(document, following[0])

    def _service(self, document: Mapping[str, Any], name: str) -> Document:
        services = document.get("services") or {}
        if name not in services:
            raise ActionError(
                f"The Compose file has no service {name}.",
                hint=f"It has {', '.join(services) or 'none'}; name the right one.",
            )
        service: Document = services[name]
        return service

    def _close(self, api: Document) -> None:
        if "ports" not in api:
            return
        ports = [str(port) for port in api["ports"]]
        place = list(api).index("ports")
        _comments.drop_before(api, "ports")
        del api["ports"]
        if "expose" not in api:
            _insert(api, place, "expose", [_container_port(port) for port in ports])
            _comments.before(api, "expose", f"Reached through {self.service} only.", indent=4)

    def _network(self, document: Mapping[str, Any]) -> str:
        networks = self._service(document, self.api_service).get("networks") or ["default"]
        return str(next(iter(networks)))

    def fixed_address(self, document: Mapping[str, Any], *, declare: bool = False) -> str:
        """Return the proxy's address.

        Raises:
            ActionError: the network has no subnet to take one from, or the given one is not in it.
        """
        subnet = ipaddress.ip_network(self._subnet(document, declare=declare))
        if not self.address:
            return str(subnet.broadcast_address - 1)
        if ipaddress.ip_address(self.address) not in subnet:
            raise ActionError(
                f"The proxy's address {self.address} is not in the network's subnet {subnet}.",
                hint="Leave the address out to take the subnet's highest.",
            )
        return self.address

    def _subnet(self, document: Mapping[str, Any], *, declare: bool) -> str:
        network = self._network(document)
        settings = (document.get("networks") or {}).get(network) or {}
        for pool in (settings.get("ipam") or {}).get("config") or []:
            if "subnet" in pool:
                return str(pool["subnet"])
        if not self.subnet:
            raise ActionError(
                f"The network {network} has no fixed subnet, so the API can't be told which "
                "address the proxy has.",
                hint="Set 'subnet' in the step's parameters, such as 10.89.40.0/24.",
            )
        if declare:
            networks: Any = document
            networks.setdefault("networks", {})[network] = {
                **settings,
                "ipam": {"config": [{"subnet": self.subnet}]},
            }
        return self.subnet

    def _definition(self, network: str, address: str) -> dict[str, Any]:
        publish = f"{self.host_ip}:" if self.host_ip else ""
        return {
            "build": {"context": f"./{self.configuration}"},
            "image": self.image,
            "restart": "unless-stopped",
            "depends_on": {self.api_service: {"condition": "service_healthy"}},
            "ports": [
                f"{publish}{self.https_port}:{CONTAINER_HTTPS}",
                f"{publish}{self.http_port}:{CONTAINER_HTTP}",
            ],
            "user": f"{self.uid}:{self.uid}",
            "read_only": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
            "pids_limit": 64,
            "tmpfs": ["/tmp:mode=1777,size=64m"],  # noqa: S108  # the container's own
            # Folders, not files: a file that is replaced would stay the old one in the container.
            "volumes": [
                f"./{self.certificates}:{CERTIFICATES}:ro",
                f"./{self.configuration}:{CONFIGURATION}:ro",
            ],
            "networks": {network: {"ipv4_address": address}},
            "logging": _logging(),
            "healthcheck": {
                "test": ["CMD", "healthcheck.sh"],
                "interval": "3s",
                "timeout": "5s",
                "retries": 5,
                "start_period": "15s",
            },
        }


def _logging() -> dict[str, Any]:
    return {"driver": "json-file", "options": dict(LOG_OPTIONS)}


def _container_port(port: str) -> str:
    return port.partition("/")[0].rpartition(":")[2]


def _set_variable(service: Document, name: str, value: str) -> None:
    environment = service.get("environment")
    if isinstance(environment, list):
        entry = f"{name}={value}"
        for place, old in enumerate(environment):
            if str(old).partition("=")[0] == name:
                environment[place] = entry
                return
        environment.append(entry)
        return
    if environment is None:
        environment = service["environment"] = {}
    environment[name] = value


def _insert(mapping: Document, place: int, key: str, value: object) -> None:
    insert = getattr(mapping, "insert", None)
    if insert is not None:
        insert(place, key, value)
    else:
        mapping[key] = value


def _become(old: Any, new: Any) -> None:
    """Change a part of the document into what it must be; what is so already keeps its layout."""
    if isinstance(new, dict):
        for key in [key for key in old if key not in new]:
            del old[key]
    elif len(old) != len(new):
        old[:] = new
    for key, value in new.items() if isinstance(new, dict) else enumerate(new):
        before = old.get(key) if isinstance(new, dict) else old[key]
        if type(value) in (dict, list) and isinstance(before, type(value)):
            _become(before, value)
        elif before != value:
            old[key] = value
