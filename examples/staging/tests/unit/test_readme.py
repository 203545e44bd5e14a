import re

import pytest

from src.api.middleware.rate_limit import RULES
from src.api.middleware.security_headers import SECURITY_HEADERS
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def table_after(marker: str) -> list[list[str]]:
    """The rows, without the head, of the table that follows a comment."""
    rows = README.split(f"<!-- {marker}", 1)[1].split("\n\n", 1)[0].splitlines()[3:]
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in rows]


def test_the_rate_limits_are_those_of_the_code() -> None:
    rules = [[rule.tier.name, rule.method, rule.path, str(rule.tier.limit), str(rule.tier.window)] for rule in RULES]
    assert table_after("rate limits") == rules


def test_the_security_headers_are_those_of_the_code() -> None:
    assert table_after("security headers") == [list(header) for header in SECURITY_HEADERS.items()]


@pytest.mark.parametrize("path", sorted({rule.path for rule in RULES}))
def test_each_limited_endpoint_is_described(path: str) -> None:
    assert re.search(rf"^\| \w+ \| `{re.escape(path)}` \| ", README, re.MULTILINE)
