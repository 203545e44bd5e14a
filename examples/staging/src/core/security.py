"""Password hashes (Argon2id) and access tokens (JWT, HS256)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import SecretStr

ALGORITHM = "HS256"

# Argon2id, 19 MiB, two passes, one lane: the minimum of the OWASP password storage cheat sheet.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_unknown_user_hash = _hasher.hash("no account has this password")


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def verify_password(password: str, password_hash: str | None) -> bool:
    """Compare, and spend the same time on an account that does not exist (`None`)."""
    try:
        matches = _hasher.verify(password_hash or _unknown_user_hash, password)
    except (VerificationError, InvalidHashError):
        return False
    return matches and password_hash is not None


class InvalidToken(Exception):
    """The token is malformed, expired, or not signed by us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    value: str
    expires_in: int
    """Seconds from now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenService:
    secret: SecretStr
    issuer: str
    lifetime: timedelta
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def issue(self, user_id: int) -> AccessToken:
        issued = self.now()
        claims = {
            "sub": str(user_id),
            "iss": self.issuer,
            "aud": self.issuer,
            "iat": issued,
            "exp": issued + self.lifetime,
        }
        value = jwt.encode(claims, self.secret.get_secret_value(), algorithm=ALGORITHM)
        return AccessToken(value=value, expires_in=int(self.lifetime.total_seconds()))

    def read(self, token: str) -> int:
        """Return the user's id, or raise `InvalidToken`."""
        try:
            claims = jwt.decode(
                token,
                self.secret.get_secret_value(),
                algorithms=[ALGORITHM],
                issuer=self.issuer,
                audience=self.issuer,
                options={"require": ["sub", "iss", "aud", "iat", "exp"]},
            )
            return int(claims["sub"])
        except (jwt.InvalidTokenError, ValueError) as error:
            raise InvalidToken(str(error)) from error
