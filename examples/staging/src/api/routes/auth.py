"""Signing in, and changing one's password."""

from fastapi import APIRouter, HTTPException
from sqlalchemy import func, select

from src.api.dependencies import CurrentUser, SessionDep, TokensDep, unauthorized
from src.api.schemas import Credentials, PasswordChange, Token, problems
from src.core.security import hash_password, verify_password
from src.db.models import User

router = APIRouter(prefix="/api/v1/auth", tags=["auth"])


@router.post("/login", responses=problems(401, 429))
def login(credentials: Credentials, session: SessionDep, tokens: TokensDep) -> Token:
    user = session.scalar(select(User).where(func.lower(User.email) == credentials.email.lower()))
    matches = verify_password(credentials.password, user.password_hash if user else None)
    if user is None or not matches or not user.is_active:
        raise unauthorized("Wrong e-mail address or password")
    token = tokens.issue(user.id)
    return Token(access_token=token.value, expires_in=token.expires_in)


@router.post("/password", status_code=204, responses=problems(400, 401, 429))
def change_password(change: PasswordChange, user: CurrentUser, session: SessionDep) -> None:
    if not verify_password(change.current_password, user.password_hash):
        raise HTTPException(400, "The current password is wrong")
    user.password_hash = hash_password(change.new_password)
    session.commit()
