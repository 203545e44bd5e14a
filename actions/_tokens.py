"""Access tokens, right ones and forged ones, made inside the application's container.

The signing key stays there: what comes out are tokens that live for a minute.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping

import msgspec

from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.action import Run

SETTINGS = "src.core.config:get_settings"
_PROGRAM = """
import base64, hashlib, hmac, importlib, json, secrets, sys, time

given = json.loads(sys.argv[1])
module, _, name = given["settings"].partition(":")
settings = getattr(importlib.import_module(module), name)()


def plain(name):
    value = getattr(settings, name)
    return value.get_secret_value() if hasattr(value, "get_secret_value") else str(value)


def part(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def token(claims, key, algorithm="HS256"):
    head = part(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    body = head + b"." + part(json.dumps(claims).encode())
    if algorithm.lower() == "none":
        return (body + b".").decode()
    hashes = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}
    return (body + b"." + part(hmac.new(key, body, hashes[algorithm]).digest())).decode()


key, issuer, now = plain(given["secret"]).encode(), plain(given["issuer"]), int(time.time())
claims = {"sub": given["subject"], "iss": issuer, "aud": issuer, "iat": now, "exp": now + 60}
right = token(claims, key)
head, body, signature = right.split(".")
other = part(json.dumps({**claims, "sub": "2"}).encode()).decode()
json.dump({
    "right": right,
    "alg none": token(claims, key, "none"),
    "alg NONE": token(claims, key, "NONE"),
    "another algorithm": token(claims, key, "HS512"),
    "wrong key": token(claims, secrets.token_bytes(32)),
    "empty key": token(claims, b""),
    "changed claims": ".".join((head, other, signature)),
    "no signature": ".".join((head, body, "")),
    "expired": token({**claims, "iat": now - 7200, "exp": now - 3600}, key),
    "no expiry": token({k: v for k, v in claims.items() if k != "exp"}, key),
    "another issuer": token({**claims, "iss": "runbook-probe"}, key),
    "another audience": token({**claims, "aud": "runbook-probe"}, key),
}, sys.stdout)
"""
SIGNATURE = (
    "alg none",
    "alg NONE",
    "another algorithm",
    "wrong key",
    "empty key",
    "changed claims",
    "no signature",
)
CLAIMS = ("expired", "no expiry", "another issuer", "another audience")


def signed_again(token: str, key: str) -> str:
    """The same token, signed with another key."""
    head, body, _ = token.split(".")
    digest = hmac.new(key.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


class Signing(msgspec.Struct, frozen=True, kw_only=True):
    """Where the application keeps what its tokens are signed with, and for whom one is made."""

    settings: str = SETTINGS
    """`module:function` of the application's settings."""
    secret: str = "jwt_secret"  # noqa: S105  # the name of a field
    issuer: str = "jwt_issuer"
    """The settings' field with issuer and audience."""
    subject: str = "1"
    """Id of an account that is there."""
    service: str = "api"


AS_USUAL = Signing()


async def tokens(run: Run, signing: Signing) -> Mapping[str, str]:
    """Make them; `right` is the one to be accepted.

    Raises:
        NotMeasured: the settings can't be read in the container.
    """
    order = json.dumps(
        {
            "settings": signing.settings,
            "secret": signing.secret,
            "issuer": signing.issuer,
            "subject": signing.subject,
        }
    )
    made = await run.containers.execute(
        signing.service, ["python3", "-c", _PROGRAM, order], log=False
    )
    if not made.ok:
        words = made.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise NotMeasured(
            f"No token can be signed in the container of {signing.service}: {''.join(words)}.",
            hint="Check 'settings', 'secret' and 'issuer' of the check's 'signing'.",
        )
    found: dict[str, str] = json.loads(made.stdout)
    for name, value in found.items():
        run.secrets.register(f"probe's token, {name}", value)
    return found
