"""Queries over customers. The personal columns are read and written here and nowhere else."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from src.db.models import Customer, Order


class EmailTaken(Exception):
    """Another customer has this e-mail address."""


class HasOrders(Exception):
    """The customer's orders must stay on the books."""


def search(session: Session, text: str | None, limit: int, offset: int) -> tuple[Sequence[Customer], int]:
    """Return one page ordered by id, and the number of matches in all."""
    query = select(Customer)
    if text:
        query = query.where(
            or_(
                Customer.full_name.icontains(text, autoescape=True),
                Customer.email.icontains(text, autoescape=True),
            )
        )
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    page = session.scalars(query.order_by(Customer.id).limit(limit).offset(offset)).all()
    return page, total


def find(session: Session, customer_id: int) -> Customer | None:
    return session.get(Customer, customer_id)


def create(session: Session, values: Mapping[str, str]) -> Customer:
    customer = Customer(**values)
    session.add(customer)
    _flush_email(session)
    session.refresh(customer)
    return customer


def update(session: Session, customer: Customer, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        setattr(customer, name, value)
    _flush_email(session)
    session.refresh(customer)


def delete(session: Session, customer: Customer) -> None:
    if session.scalar(select(Order.id).where(Order.customer_id == customer.id).limit(1)):
        raise HasOrders
    session.delete(customer)
    session.flush()


def _flush_email(session: Session) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        session.rollback()
        if getattr(getattr(error.orig, "diag", None), "constraint_name", None) == "uq_customers_email":
            raise EmailTaken from error
        raise
