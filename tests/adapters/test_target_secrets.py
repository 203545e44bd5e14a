"""Secrets are found by their names, in the Compose file and in .env files."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_app.adapters.target_secrets import secrets_of

COMPOSE = """\
services:
  api:
    environment:
      DB_PASSWORD: "aaaa-bbbb-cccc"
      DB_USER: accounts
      TOKEN_TTL: "900"
      JWT_SECRET_FILE: /run/secrets/jwt
      SECRETS_DIR: /run/secrets
      SECRETS_BACKEND: environment
      FROM_OUTSIDE_SECRET: ${SECRET}
  worker:
    environment:
      - JWT_SECRET=dddd-eeee-ffff
"""


def test_compose_and_env_files_are_read_by_the_names_of_their_variables(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(COMPOSE)
    (tmp_path / ".env.example").write_text("export API_KEY='gggg-hhhh'\nLOG_LEVEL=INFO\n# x\n")
    assert sorted(secrets_of(tmp_path, "compose.yml")) == [
        ("API_KEY", "gggg-hhhh"),
        ("DB_PASSWORD", "aaaa-bbbb-cccc"),
        ("JWT_SECRET", "dddd-eeee-ffff"),
    ]


@pytest.mark.parametrize("text", ["- a\n", "services: {api: 3}\n", ": :\n", "services: []\n"])
def test_a_broken_compose_file_yields_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "compose.yml").write_text(text)
    assert list(secrets_of(tmp_path, "compose.yml")) == []
