"""Customers and their orders."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from sqlalchemy.orm import Session

from src.api.dependencies import Admin, CurrentUser, SessionDep
from src.api.schemas import (
    MAX_ID,
    CustomerChange,
    CustomerOut,
    CustomerPage,
    CustomerSummary,
    NewCustomer,
    NewOrder,
    OrderOut,
    PlainText,
    problems,
)
from src.db import customers
from src.db.models import Customer, CustomerStatus, Order

router = APIRouter(prefix="/api/v1/customers", tags=["customers"], responses=problems(401, 429))


def get_customer(_: CurrentUser, session: SessionDep, customer_id: Annotated[int, Path(ge=1, le=MAX_ID)]) -> Customer:
    customer = customers.find(session, customer_id)
    if customer is None:
        raise HTTPException(404, "No such customer")
    return customer


CustomerDep = Annotated[Customer, Depends(get_customer)]


@router.get("")
def list_customers(
    _: CurrentUser,
    session: SessionDep,
    q: Annotated[PlainText | None, Query(max_length=120)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    offset: Annotated[int, Query(ge=0, le=MAX_ID)] = 0,
) -> CustomerPage:
    """`q` is looked for in names and e-mail addresses."""
    page, total = customers.search(session, q, limit, offset)
    return CustomerPage(total=total, customers=[CustomerSummary.model_validate(row) for row in page])


@router.post("", status_code=201, responses=problems(409))
def create_customer(_: CurrentUser, new: NewCustomer, session: SessionDep) -> CustomerOut:
    try:
        customer = customers.create(session, new.model_dump())
    except customers.EmailTaken as error:
        raise email_taken() from error
    return committed(session, customer)


@router.get("/{customer_id}", responses=problems(404))
def read_customer(customer: CustomerDep) -> CustomerOut:
    return CustomerOut.model_validate(customer)


@router.patch("/{customer_id}", responses=problems(404, 409))
def change_customer(customer: CustomerDep, change: CustomerChange, session: SessionDep) -> CustomerOut:
    """Fields that are absent or null stay as they are."""
    try:
        customers.update(session, customer, change.model_dump(exclude_none=True))
    except customers.EmailTaken as error:
        raise email_taken() from error
    return committed(session, customer)


@router.delete("/{customer_id}", status_code=204, responses=problems(403, 404, 409))
def delete_customer(_: Admin, customer: CustomerDep, session: SessionDep) -> None:
    try:
        customers.delete(session, customer)
    except customers.HasOrders as error:
        raise HTTPException(409, "The customer has orders; close the account instead") from error
    session.commit()


@router.post("/{customer_id}/orders", status_code=201, responses=problems(404, 409))
def place_order(customer: CustomerDep, new: NewOrder, session: SessionDep) -> OrderOut:
    if customer.status == CustomerStatus.CLOSED:
        raise HTTPException(409, "The customer's account is closed")
    order = Order(customer_id=customer.id, **new.model_dump())
    session.add(order)
    session.flush()
    session.refresh(order)
    answer = OrderOut.model_validate(order)
    session.commit()
    return answer


def committed(session: Session, customer: Customer) -> CustomerOut:
    answer = CustomerOut.model_validate(customer)
    session.commit()
    return answer


def email_taken() -> HTTPException:
    return HTTPException(409, "Another customer has this e-mail address")
