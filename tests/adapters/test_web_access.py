"""Who is let in: the link, the cookie, and what a browser calls the server."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from runbook_app.adapters.web_access import Link, WebAccess

HERE = ip_address("127.0.0.1")
EVERYWHERE = ip_address("0.0.0.0")


def test_a_link_is_good_once() -> None:
    access = WebAccess(HERE)
    assert access.judge(access.token) is Link.GOOD
    access.exchange()
    assert access.judge(access.token) is Link.USED


@pytest.mark.parametrize("token", ["", "x", "é" * 43, "\udc80"])
def test_another_token_is_wrong_before_and_after(token: str) -> None:
    access = WebAccess(HERE)
    assert access.judge(token) is Link.WRONG
    access.exchange()
    assert access.judge(token) is Link.WRONG


def test_a_cookie_admits_only_once_the_link_was_used() -> None:
    values = iter(["token", "cookie"])
    access = WebAccess(HERE, random=lambda: next(values))
    assert not access.admits("cookie")
    assert access.exchange() == "cookie"
    assert access.admits("cookie")
    assert not any(access.admits(other) for other in ("", "token", "Cookie", "cookie ", "\udc80"))


def test_token_and_cookie_are_long_and_each_server_has_its_own() -> None:
    one, other = WebAccess(HERE), WebAccess(HERE)
    found = {one.token, one.exchange(), other.token, other.exchange()}
    assert len(found) == 4
    assert all(len(value) >= 43 for value in found)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8765", "127.0.0.1", "localhost:1", "LOCALHOST", "[::1]:8765", "127.9.9.9"]
)
def test_an_address_of_this_machine_is_ours_whatever_its_port(host: str) -> None:
    """Through SSH the port is another one."""
    assert WebAccess(HERE).is_ours(host)
    assert WebAccess(HERE).is_same_origin(f"http://{host}", host)


FOREIGN = [
    "",
    "evil.example",
    "evil.example:8765",
    "localhost.evil.example",
    "127.0.0.1.evil.example:8765",
    "evil.example#127.0.0.1",
    "evil.example@127.0.0.1:80",
    "127.0.0.1@evil.example",
    "127.0.0.1:8765/evil",
    "127.0.0.1 evil",
    "127.0.0.1\r\nX: y",
    "127.0.0.1:8765\n",
    "[::1",
    "[127.0.0.1.evil]",
    "2130706433",
    "0x7f000001",
    "0.0.0.0:8765",
    "[::]:8765",
]


@pytest.mark.parametrize("host", [*FOREIGN, "192.0.2.7:8765", "[2001:db8::1]:8765"])
def test_any_other_name_is_not_ours(host: str) -> None:
    assert not WebAccess(HERE).is_ours(host)
    assert not WebAccess(HERE).is_same_origin(f"http://{host}", host)


@pytest.mark.parametrize("host", FOREIGN)
def test_beyond_this_machine_names_are_refused_as_well(host: str) -> None:
    assert not WebAccess(EVERYWHERE).is_ours(host)


@pytest.mark.parametrize("host", ["192.0.2.7:8765", "[2001:db8::1]:8765", "localhost:8765"])
def test_beyond_this_machine_addresses_are_ours(host: str) -> None:
    assert WebAccess(EVERYWHERE).is_ours(host)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://127.0.0.1:9999",
        "http://localhost:8765",
        "https://127.0.0.1:8765",
        "http://127.0.0.1:8765/",
        "http://evil.example",
    ],
)
def test_a_page_of_another_port_name_or_scheme_is_of_another_origin(origin: str) -> None:
    assert not WebAccess(HERE).is_same_origin(origin, "127.0.0.1:8765")
