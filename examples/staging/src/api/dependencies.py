"""What routes ask for: a database session, and the member of staff who signed the request."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session

from src.core.config import Settings
from src.core.security import InvalidToken, TokenService
from src.db.models import Role, User

bearer = HTTPBearer(auto_error=False)


def get_session(request: Request) -> Iterator[Session]:
    with request.app.state.sessions() as session:
        yield session


def get_tokens(request: Request) -> TokenService:
    tokens: TokenService = request.app.state.tokens
    return tokens


def get_app_settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


SessionDep = Annotated[Session, Depends(get_session)]
TokensDep = Annotated[TokenService, Depends(get_tokens)]
SettingsDep = Annotated[Settings, Depends(get_app_settings)]


def unauthorized(detail: str) -> HTTPException:
    return HTTPException(401, detail, headers={"WWW-Authenticate": "Bearer"})


def get_current_user(
    request: Request,
    session: SessionDep,
    tokens: TokensDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> User:
    """Also names the actor for the request log."""
    if credentials is None:
        raise unauthorized("Not authenticated")
    try:
        user = session.get(User, tokens.read(credentials.credentials))
    except InvalidToken as error:
        raise unauthorized("Invalid or expired token") from error
    if user is None or not user.is_active:
        raise unauthorized("Invalid or expired token")
    request.state.actor = f"user:{user.id}"
    return user


CurrentUser = Annotated[User, Depends(get_current_user)]


def get_admin(user: CurrentUser) -> User:
    if user.role != Role.ADMIN:
        raise HTTPException(403, "Administrators only")
    return user


Admin = Annotated[User, Depends(get_admin)]
