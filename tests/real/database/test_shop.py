"""Item 3 on a target of another shape: its own names, schema, superuser and configuration file."""

from __future__ import annotations

import pytest

from .stack import Stack

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900)]


def people(shop: Stack) -> str:
    return shop.sql("SELECT md5(string_agg(p::text, '' ORDER BY code)) FROM crm.people p")


def test_a_shop_is_hardened_and_rolled_back(shop: Stack) -> None:
    schema, rows = shop.dump(), people(shop)
    result = shop.run()
    assert result.returncode == 0, result.stdout + result.stderr
    assert shop.sql("SHOW shared_preload_libraries") == "pg_stat_statements,pgaudit"
    assert shop.sql("SHOW work_mem") == "8MB"
    assert shop.sql("SELECT count(*) FROM crm.people WHERE phone ~ '^[+]'") == "0"
    # The shop's own trigger slept while its rows were encrypted.
    assert shop.sql("SELECT max(changed)::date FROM crm.people") == "2025-01-01"
    code, phones = shop.execute("till", "python3", "-c", "import web.till as t; print(*t.phones())")
    assert code == 0, phones
    assert phones.split()[0] == "+447700910001"

    result = shop.roll_back()
    assert result.returncode == 0, result.stdout + result.stderr
    assert "rolled back, proven" in result.stdout
    assert (shop.dump(), people(shop)) == (schema, rows)
