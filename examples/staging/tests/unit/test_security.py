from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from pydantic import SecretStr

from src.core.security import InvalidToken, TokenService, hash_password, verify_password

SECRET = "an example key of forty characters, about"


def service(now: datetime | None = None, secret: str = SECRET, issuer: str = "accounts") -> TokenService:
    return TokenService(
        secret=SecretStr(secret),
        issuer=issuer,
        lifetime=timedelta(minutes=15),
        now=lambda: now or datetime.now(UTC),
    )


def signed(changes: dict[str, Any], key: str | None = SECRET, algorithm: str = "HS256") -> str:
    now = datetime.now(UTC)
    claims = {"sub": "7", "iss": "accounts", "aud": "accounts", "iat": now, "exp": now + timedelta(minutes=5)}
    kept = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode(kept, key, algorithm=algorithm)


def test_a_password_matches_its_hash_and_no_other() -> None:
    password_hash = hash_password("open sesame")
    assert password_hash.startswith("$argon2id$")
    assert verify_password("open sesame", password_hash)
    assert not verify_password("open barley", password_hash)


def test_an_unknown_account_has_no_password() -> None:
    assert not verify_password("no account has this password", None)


def test_a_damaged_hash_matches_nothing() -> None:
    assert not verify_password("open sesame", "not a hash")


def test_a_token_names_its_user() -> None:
    token = service().issue(7)
    assert token.expires_in == 900
    assert service().read(token.value) == 7


def test_an_expired_token_is_refused() -> None:
    token = service(now=datetime.now(UTC) - timedelta(minutes=16)).issue(7)
    with pytest.raises(InvalidToken):
        service().read(token.value)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(signed({}, key="another key of forty characters, or about"), id="wrong key"),
        pytest.param(signed({}, key=None, algorithm="none"), id="no signature"),
        pytest.param(signed({}, key=SECRET + "\N{BULLET}" * 30, algorithm="HS512"), id="other algorithm"),
        pytest.param(signed({"iss": "elsewhere"}), id="wrong issuer"),
        pytest.param(signed({"aud": "elsewhere"}), id="wrong audience"),
        pytest.param(signed({"exp": None}), id="no expiry"),
        pytest.param(signed({"sub": None}), id="no subject"),
        pytest.param(signed({"sub": "root"}), id="subject is no id"),
        pytest.param("not.a.token", id="no token"),
        pytest.param("", id="empty"),
    ],
)
def test_a_token_that_is_not_ours_is_refused(token: str) -> None:
    with pytest.raises(InvalidToken):
        service().read(token)
