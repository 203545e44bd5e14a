"""Figures for the books."""

from datetime import UTC, date, datetime, time
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from sqlalchemy import func, select

from src.api.dependencies import Admin, SessionDep
from src.api.schemas import Revenue, problems
from src.db.models import Order

LONGEST_PERIOD = 366
"""Days."""

router = APIRouter(prefix="/api/v1/reports", tags=["reports"], responses=problems(401, 403, 429))


@router.get("/revenue", responses=problems(400))
def revenue(_: Admin, session: SessionDep, start: Annotated[date, Query()], end: Annotated[date, Query()]) -> Revenue:
    """Orders from `start` up to but without `end`, in UTC."""
    days = (end - start).days
    if not 1 <= days <= LONGEST_PERIOD:
        raise HTTPException(400, f"A period has 1 to {LONGEST_PERIOD} days")
    query = select(func.count(), func.coalesce(func.sum(Order.amount_cents), 0)).where(
        Order.placed_at >= midnight(start), Order.placed_at < midnight(end)
    )
    orders, total = session.execute(query).one()
    return Revenue(start=start, end=end, orders=orders, total_cents=total, average_per_day_cents=int(total) // days)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
