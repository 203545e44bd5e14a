"""Liveness and status. Open and without rate limit, so that monitors and load tests can use them."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from src.api.dependencies import SessionDep, SettingsDep
from src.api.schemas import Health, Status
from src.db.models import Order

router = APIRouter(tags=["health"])


@router.get("/health", responses={503: {"model": Health}})
@router.get("/api/v1/health", responses={503: {"model": Health}})
@router.head("/health", include_in_schema=False)
@router.head("/api/v1/health", include_in_schema=False)
def health(session: SessionDep, response: Response) -> Health:
    try:
        session.execute(select(1))
    except SQLAlchemyError:
        response.status_code = 503
        return Health(status="unavailable", database="unreachable")
    return Health(status="ok", database="ok")


@router.get("/api/v1/status")
def status(
    session: SessionDep,
    settings: SettingsDep,
    window_minutes: Annotated[int, Query(ge=0, le=1440)] = 60,
) -> Status:
    """How many orders came in lately."""
    since = datetime.now(UTC) - timedelta(minutes=window_minutes)
    orders = session.scalar(select(func.count()).where(Order.placed_at >= since)) or 0
    return Status(
        service="customer-accounts",
        environment=settings.environment,
        schema_revision=session.scalar(text("SELECT version_num FROM alembic_version")),
        window_minutes=window_minutes,
        orders_in_window=orders,
        orders_per_minute=round(orders / window_minutes, 3),
    )
