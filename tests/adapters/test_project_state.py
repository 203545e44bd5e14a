"""Each part of a container's configuration counts; what changes by itself does not."""

import copy
from typing import Any

import pytest

from runbook_app.adapters.project_state import describe, keyed

CONTAINER: dict[str, Any] = {
    "Id": "0123456789abcdef",
    "Created": "2026-01-01T00:00:00.1Z",
    "Name": "/demo-api-1",
    "Image": "sha256:1111",
    "RestartCount": 0,
    "State": {"Status": "running", "Pid": 1, "StartedAt": "t1", "Health": {"Status": "healthy"}},
    "Config": {
        "Hostname": "0123456789ab",
        "User": "10001",
        "Env": ["A=1", "SECRET=hunter2-hunter2"],
        "Cmd": ["serve"],
        "Image": "api:latest",
        "AttachStdout": False,
        "Tty": False,
        "Labels": {
            "com.docker.compose.project": "demo",
            "com.docker.compose.service": "api",
            "com.docker.compose.container-number": "1",
            "com.docker.compose.version": "5.0.0",
            "com.docker.compose.config-hash": "abc",
            "own": "label",
        },
    },
    "HostConfig": {
        "Binds": ["/a:/a:ro", "/b:/b:ro"],
        "Privileged": False,
        "ReadonlyRootfs": False,
        "CapDrop": None,
        "PortBindings": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8001"}]},
    },
    "NetworkSettings": {
        "Ports": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8001"}], "9/tcp": None},
        "Networks": {
            "demo_default": {
                "Aliases": ["api", "0123456789ab"],
                "IPAMConfig": None,
                "IPAddress": "10.0.0.2",
                "MacAddress": "02:00",
            }
        },
    },
}
NETWORK = {
    "Name": "demo_default",
    "Id": "n1",
    "Driver": "bridge",
    "Scope": "local",
    "EnableIPv6": False,
    "Internal": False,
    "Attachable": False,
    "Options": {},
    "Labels": {"com.docker.compose.project": "demo"},
    "IPAM": {"Config": [{"Subnet": "10.0.0.0/24"}]},
}
VOLUME = {
    "Name": "demo_data",
    "Driver": "local",
    "Options": None,
    "Labels": {"com.docker.compose.volume": "data"},
    "CreatedAt": "t0",
    "Mountpoint": "/var/lib/x",
}


class Engine:
    """Answers as the SDK's client does."""

    def __init__(self) -> None:
        self.container = copy.deepcopy(CONTAINER)
        self.network = copy.deepcopy(NETWORK)
        self.volume = copy.deepcopy(VOLUME)

    def containers(self, **_):
        return [{"Id": self.container["Id"], "Labels": self.container["Config"]["Labels"]}]

    def inspect_container(self, _):
        return self.container

    def networks(self, **_):
        return [self.network]

    def volumes(self, **_):
        return {"Volumes": [self.volume]}

    def fields(self, own: frozenset[str] = frozenset({"demo_default"})) -> dict[str, str]:
        return describe(self, "demo", own)


def put(node: dict[str, Any], path: str, value: object) -> None:
    *parents, last = path.split("/")
    for name in parents:
        node = node[name]
    node[last] = value


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("Name", "/demo-api-2", "container:api-1:name"),
        ("Image", "sha256:2222", "container:api-1:image"),
        ("State/Status", "exited", "container:api-1:state"),
        ("Config/User", "0", "container:api-1:Config.User"),
        ("Config/Cmd", ["other"], "container:api-1:Config.Cmd"),
        ("Config/Image", "api:2", "container:api-1:image name"),
        ("Config/Hostname", "fixed", "container:api-1:Config.Hostname"),
        ("Config/Env", ["A=2", "SECRET=hunter2-hunter2"], "container:api-1:env A"),
        ("Config/Labels/own", "other", "container:api-1:label own"),
        ("HostConfig/Binds", ["/a:/a:ro"], "container:api-1:HostConfig.Binds"),
        ("HostConfig/Privileged", True, "container:api-1:HostConfig.Privileged"),
        ("HostConfig/CapDrop", ["ALL"], "container:api-1:HostConfig.CapDrop"),
        (
            "NetworkSettings/Networks/demo_default/Aliases",
            [],
            "container:api-1:network demo_default",
        ),
        (
            "NetworkSettings/Networks/demo_default/IPAMConfig",
            {"IPv4Address": "10.0.0.9"},
            "container:api-1:network demo_default",
        ),
    ],
)
def test_a_change_of_a_container_is_found(path, value, field):
    engine = Engine()
    before = engine.fields()
    put(engine.container, path, value)
    assert field in {name for name, what in engine.fields().items() - before.items()} | (
        before.keys() - engine.fields().keys()
    )


def test_a_published_port_is_a_field_of_its_own():
    engine = Engine()
    assert engine.fields()["port:127.0.0.1:8001"] == "api-1:8000/tcp"
    engine.container["NetworkSettings"]["Ports"]["8000/tcp"][0]["HostPort"] = "8002"
    assert "port:127.0.0.1:8001" not in engine.fields()


def test_a_port_that_the_engine_chose_does_not_count():
    engine = Engine()
    engine.container["HostConfig"]["PortBindings"]["8000/tcp"][0]["HostPort"] = ""
    assert not [name for name in engine.fields() if name.startswith("port:")]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Driver", "overlay"),
        ("EnableIPv6", True),
        ("Internal", True),
        ("Attachable", True),
        ("Options", {"mtu": "1400"}),
        ("Labels/own", "label"),
        ("IPAM/Config", [{"Subnet": "10.0.1.0/24"}]),
    ],
)
def test_a_change_of_a_network_is_found(path, value):
    engine = Engine()
    before = engine.fields()
    put(engine.network, path, value)
    assert engine.fields() != before


def test_addresses_that_the_engine_chose_do_not_count():
    engine = Engine()
    before = engine.fields(frozenset())
    put(engine.network, "IPAM/Config", [{"Subnet": "172.20.0.0/16"}])
    assert engine.fields(frozenset()) == before


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Driver", "nfs"),
        ("Options", {"o": "ro"}),
        ("Labels/own", "label"),
        ("CreatedAt", "t9"),
    ],
)
def test_a_change_of_a_volume_is_found(path, value):
    engine = Engine()
    before = engine.fields()
    put(engine.volume, path, value)
    assert engine.fields() != before


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Id", "0123456789abffff"),
        ("Config/Labels/com.docker.compose.depends_on", "db:service_healthy:false"),
        ("RestartCount", 3),
        ("State/Pid", 99),
        ("State/StartedAt", "t2"),
        ("State/Health", {"Status": "starting"}),
        ("Config/AttachStdout", True),
        ("Config/Labels/com.docker.compose.version", "9"),
        ("Config/Labels/com.docker.compose.config-hash", "def"),
        ("Config/Labels/com.docker.compose.replace", "old"),
        ("Config/Env", ["SECRET=hunter2-hunter2", "A=1"]),
        ("HostConfig/Binds", ["/b:/b:ro", "/a:/a:ro"]),
        ("HostConfig/CapDrop", []),
        ("NetworkSettings/Networks/demo_default/IPAddress", "10.0.0.7"),
        ("NetworkSettings/Networks/demo_default/MacAddress", "02:01"),
    ],
)
def test_what_changes_by_itself_does_not_count(path, value):
    engine = Engine()
    before = engine.fields()
    put(engine.container, path, value)
    assert engine.fields() == before


def test_no_value_of_the_environment_is_shown():
    assert "hunter2" not in str(Engine().fields())


def test_a_name_that_a_container_id_happens_to_begin_with_stays_in_the_comparison():
    engine = Engine()
    put(engine.container, "Id", "db456789abcdef01")
    put(engine.container, "Config/Hostname", "db")
    aliases = ["db", "db456789abcd"]
    put(engine.container, "NetworkSettings/Networks/demo_default/Aliases", aliases)
    fields = engine.fields()
    assert '["db"]' in fields["container:api-1:network demo_default"]
    assert fields["container:api-1:Config.Hostname"] == "db"


def test_each_of_two_containers_of_one_number_has_fields_of_its_own():
    older, younger = CONTAINER, CONTAINER | {"Created": "2026-01-01T00:00:00.12Z", "Name": "/x"}
    third = younger | {"Created": "2026-01-01T00:00:01Z"}
    found = keyed([younger, third, older])
    assert [key for key, _ in found] == ["api-1", "api-1+2", "api-1+3"]
    assert [raw for _, raw in found] == [older, younger, third]
