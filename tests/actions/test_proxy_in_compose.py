from __future__ import annotations

from typing import Any

import pytest

from actions import compose
from runbook_app.domain.errors import ActionError
from runbook_app.domain.measure import Finding, Progress
from runbook_app.testing.run import FakeTarget

PORTS = {"https_port": 8001, "http_port": 8080}
BEFORE = """\
# The stack.
name: shop

services:
  api:
    image: shop-api  # ours
    depends_on:
      db:
        condition: service_healthy
    # Plain HTTP. Nothing in front of it terminates TLS yet.
    ports:
      - "127.0.0.1:8001:8000"
    environment:
      LEVEL: INFO
      # Whose X-Forwarded-* headers are believed.
      FORWARDED_ALLOW_IPS: 127.0.0.1
    networks:
      - backend

  db:
    image: shop-db

networks:
  backend:
    ipam:
      config:
        - subnet: "10.89.5.0/24"
"""
AFTER = """\
# The stack.
name: shop

services:
  api:
    image: shop-api  # ours
    depends_on:
      db:
        condition: service_healthy
    # Reached through nginx only.
    expose:
      - '8000'
    logging:
      driver: json-file
      options:
        max-size: 10m
        max-file: '5'
    environment:
      LEVEL: INFO
      # Whose X-Forwarded-* headers are believed.
      FORWARDED_ALLOW_IPS: 10.89.5.254
    networks:
      - backend

  db:
    image: shop-db

  # Terminates TLS, and is the only way in from outside.
  nginx:
"""


@pytest.fixture(autouse=True)
def as_ordinary_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)


@pytest.fixture
def shop(target: FakeTarget) -> FakeTarget:
    return having(target, BEFORE)


def having(target: FakeTarget, text: str) -> FakeTarget:
    (target.folder / "docker-compose.yml").write_text(text)
    return target


def text(target: FakeTarget) -> str:
    return (target.folder / "docker-compose.yml").read_text()


async def add(target: FakeTarget, **parameters: object) -> Any:
    await target.apply(compose.add_proxy, **(PORTS | parameters))
    return target.compose.document()["services"]


async def found(target: FakeTarget, **parameters: object) -> Finding:
    assert compose.add_proxy.checker
    return await compose.add_proxy.checker(target.run, **(PORTS | parameters))


async def test_what_is_not_about_the_proxy_stays_as_written(shop: FakeTarget) -> None:
    await add(shop)
    assert text(shop).startswith(AFTER)
    assert text(shop).endswith(BEFORE[BEFORE.index("\nnetworks:\n") :])


async def test_the_proxy_has_no_rights_that_it_does_not_need(shop: FakeTarget) -> None:
    nginx = (await add(shop))["nginx"]
    assert nginx["read_only"] is True
    assert nginx["cap_drop"] == ["ALL"]
    assert nginx["security_opt"] == ["no-new-privileges:true"]
    assert nginx["user"] == "1000:1000"
    assert nginx["volumes"] == ["./certs:/srv/certs:ro", "./nginx:/srv/nginx:ro"]


async def test_ports_are_published_on_loopback_only(shop: FakeTarget) -> None:
    nginx = (await add(shop))["nginx"]
    assert nginx["ports"] == ["127.0.0.1:8001:8443", "127.0.0.1:8080:8080"]


async def test_the_api_trusts_the_proxys_fixed_address_alone(shop: FakeTarget) -> None:
    services = await add(shop)
    address = services["nginx"]["networks"]["backend"]["ipv4_address"]
    assert address == "10.89.5.254"
    assert services["api"]["environment"]["FORWARDED_ALLOW_IPS"] == address
    assert shop.recorder.outputs == {"proxy_address": address}


async def test_the_proxy_runs_as_the_keys_owner(shop: FakeTarget) -> None:
    await shop.files.write("certs/key.pem", b"key", mode=0o600, uid=4242)
    assert (await add(shop))["nginx"]["user"] == "4242:4242"


async def test_the_file_is_captured_before_it_is_edited(shop: FakeTarget) -> None:
    await add(shop)
    assert shop.history.lines == [
        "capture file docker-compose.yml",
        "write docker-compose.yml 0644",
    ]


async def test_a_second_edit_changes_nothing(shop: FakeTarget) -> None:
    await add(shop)
    once = text(shop)
    await add(shop)
    assert text(shop) == once


async def test_other_ports_change_the_ports_alone(shop: FakeTarget) -> None:
    await add(shop)
    once = text(shop)
    await add(shop, https_port=8002)
    assert text(shop) == once.replace("8001:8443", "8002:8443")


async def test_the_check_tells_how_far_it_came(shop: FakeTarget) -> None:
    assert (await found(shop)).progress is Progress.NOT_DONE
    await add(shop)
    assert (await found(shop)).progress is Progress.DONE
    assert (await found(shop, http_port=8090)).progress is Progress.PARTLY


async def test_the_check_sees_an_api_that_publishes_its_port_again(shop: FakeTarget) -> None:
    await add(shop)

    def publish(document: Any) -> None:
        document["services"]["api"]["ports"] = ["8000:8000"]

    await shop.compose.edit(publish)
    assert (await found(shop)).progress is Progress.PARTLY


async def test_the_check_changes_nothing(shop: FakeTarget) -> None:
    await found(shop)
    assert text(shop) == BEFORE


async def test_an_environment_that_is_a_list_is_kept_as_one(target: FakeTarget) -> None:
    mapping = BEFORE[BEFORE.index("      LEVEL") : BEFORE.index("    networks:\n")]
    entries = "      - LEVEL=INFO\n      - FORWARDED_ALLOW_IPS=127.0.0.1\n"
    services = await add(having(target, BEFORE.replace(mapping, entries)))
    assert services["api"]["environment"] == ["LEVEL=INFO", "FORWARDED_ALLOW_IPS=10.89.5.254"]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"api_service": "backend"}, "no service backend. It has api, db"),
        ({"address": "10.1.1.1"}, "10.1.1.1 is not in the network's subnet 10.89.5.0/24"),
    ],
)
async def test_a_wrong_name_or_address_is_told(
    shop: FakeTarget, parameters: dict[str, object], words: str
) -> None:
    with pytest.raises(ActionError, match=words):
        await add(shop, **parameters)
    assert text(shop) == BEFORE


async def test_a_network_without_a_subnet_needs_one_given(target: FakeTarget) -> None:
    having(target, BEFORE[: BEFORE.index("    ipam:")] + "    driver: bridge\n")
    with pytest.raises(ActionError, match="The network backend has no fixed subnet"):
        await add(target)
    services = await add(target, subnet="10.89.6.0/28")
    assert services["nginx"]["networks"]["backend"]["ipv4_address"] == "10.89.6.14"
    assert target.compose.document()["networks"]["backend"]["driver"] == "bridge"


async def test_bringing_up_is_done_when_nothing_differs(shop: FakeTarget) -> None:
    assert compose.apply.checker
    shop.compose.differences = ["nginx: has no container"]
    before = await compose.apply.checker(shop.run)
    await shop.apply(compose.apply)
    after = await compose.apply.checker(shop.run)
    assert before == Finding(progress=Progress.NOT_DONE, evidence="nginx: has no container")
    assert after.progress is Progress.DONE
    assert shop.history.lines == ["capture project shop", "up"]


async def test_an_unsettled_service_fails_the_check(shop: FakeTarget) -> None:
    assert await shop.measure(compose.services_settled) == []
    shop.compose.differences = ["api: is unhealthy"]
    assert await shop.measure(compose.services_settled) == ["services settled"]
    assert shop.value("services settled") == "api: is unhealthy"


async def test_the_logs_of_both_are_bounded_and_the_api_s_own_setting_is_kept(
    target: FakeTarget,
) -> None:
    own = BEFORE.replace("    environment:", "    logging: {driver: local}\n    environment:")
    services = await add(having(target, own))
    assert services["api"]["logging"] == {"driver": "local"}
    assert services["nginx"]["logging"]["options"]["max-size"] == "10m"
