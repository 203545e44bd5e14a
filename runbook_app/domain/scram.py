"""Password verifiers as PostgreSQL stores them, so that a password never stands in SQL."""

from __future__ import annotations

import base64
import hashlib
import hmac


def verifier(password: str, salt: bytes, *, iterations: int = 4096) -> str:
    """The SCRAM-SHA-256 verifier of an ASCII password, for `ALTER ROLE … PASSWORD '…'`.

    Raises:
        ValueError: the password has other characters, which would have to be normalised first.
    """
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    stored = hashlib.sha256(client).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    parts = (base64.b64encode(part).decode() for part in (salt, stored, server))
    salt_text, stored_text, server_text = parts
    return f"SCRAM-SHA-256${iterations}:{salt_text}${stored_text}:{server_text}"
