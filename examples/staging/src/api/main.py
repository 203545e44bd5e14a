"""The application, and what it is wrapped in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI
from fastapi.middleware import Middleware
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from sqlalchemy import Engine
from starlette.types import ASGIApp

from src.api.errors import install_error_handlers
from src.api.middleware.rate_limit import RateLimitMiddleware
from src.api.middleware.request_logging import REQUEST_ID_HEADER, RequestLoggingMiddleware
from src.api.middleware.security_headers import SecurityHeadersMiddleware
from src.api.routes import auth, customers, health, reports
from src.core.config import Settings, get_settings
from src.core.logging import configure_logging
from src.core.security import TokenService
from src.db.session import make_engine, make_sessions

MAX_BODY = 64 * 1024
"""Bytes; no request of ours comes near it."""


def create_api(settings: Settings, engine: Engine) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        engine.dispose()

    api = FastAPI(
        title="Customer accounts",
        version="1.4.0",
        lifespan=lifespan,
        # The Content-Security-Policy allows the documentation pages none of the scripts that they load.
        docs_url=None,
        redoc_url=None,
        max_body_size=MAX_BODY,
        middleware=middleware(settings),
    )
    api.state.settings = settings
    api.state.sessions = make_sessions(engine)
    api.state.tokens = TokenService(
        secret=settings.jwt_secret,
        issuer=settings.jwt_issuer,
        lifetime=timedelta(minutes=settings.access_token_minutes),
    )
    install_error_handlers(api)
    for module in (health, auth, customers, reports):
        api.include_router(module.router)
    return api


def middleware(settings: Settings) -> list[Middleware]:
    """The first is the outermost: a refusal by the rate limit still gets its CORS headers."""
    return [
        Middleware(TrustedHostMiddleware, allowed_hosts=settings.allowed_hosts, www_redirect=False),
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "POST", "PATCH", "DELETE"),
            allow_headers=("Authorization", "Content-Type", REQUEST_ID_HEADER),
            expose_headers=("Retry-After", REQUEST_ID_HEADER),
        ),
        Middleware(RateLimitMiddleware),
    ]


def wrap(api: FastAPI) -> ASGIApp:
    """Add what must hold for answers to unhandled exceptions too."""
    return SecurityHeadersMiddleware(RequestLoggingMiddleware(api))


def build() -> tuple[FastAPI, ASGIApp]:
    settings = get_settings()
    configure_logging(settings.log_level)
    api = create_api(settings, make_engine(settings.application_url(), settings.db_connect_timeout))
    return api, wrap(api)


api, app = build()
