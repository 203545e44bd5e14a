"""Shapes of requests and responses."""

import unicodedata
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, EmailStr, Field, StringConstraints

from src.db.models import CustomerStatus

MAX_ID = 2**63 - 1
"""PostgreSQL's bigint."""


def without_control_characters(value: str) -> str:
    """PostgreSQL can't store NUL, and no field of ours has a use for the others."""
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in value):
        raise ValueError("must not contain control characters")
    return value


def valid_iban(value: str) -> str:
    """ISO 13616: with the first four characters moved to the end, the number is 1 modulo 97."""
    digits = "".join(str(int(character, 36)) for character in value[4:] + value[:4])
    if int(digits) % 97 != 1:
        raise ValueError("is not a valid IBAN")
    return value


PlainText = Annotated[str, AfterValidator(without_control_characters)]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=120),
    AfterValidator(without_control_characters),
]
Description = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(without_control_characters),
]
TaxNumber = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}[0-9]{6,12}$")]
Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
Iban = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$"), AfterValidator(valid_iban)]


class Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Credentials(Request):
    email: Annotated[PlainText, Field(max_length=254)]
    password: Annotated[str, Field(max_length=256)]


class Token(BaseModel):
    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # a scheme, not a secret
    expires_in: int
    """Seconds."""


class PasswordChange(Request):
    current_password: Annotated[str, Field(max_length=256)]
    new_password: Annotated[str, Field(min_length=12, max_length=256)]


class NewCustomer(Request):
    full_name: Name
    email: EmailStr
    tax_number: TaxNumber
    phone: Phone
    iban: Iban


class CustomerChange(Request):
    full_name: Name | None = None
    email: EmailStr | None = None
    tax_number: TaxNumber | None = None
    phone: Phone | None = None
    iban: Iban | None = None
    status: CustomerStatus | None = None


class NewOrder(Request):
    description: Description
    amount_cents: Annotated[int, Field(ge=1, le=100_000_000)]
    """Euro cents."""


class OrderOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    description: str
    amount_cents: int
    placed_at: datetime


class CustomerSummary(BaseModel):
    """What a list shows: no tax number, telephone or bank account."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    full_name: str
    email: str
    status: CustomerStatus


class CustomerOut(CustomerSummary):
    tax_number: str
    phone: str
    iban: str
    created_at: datetime
    updated_at: datetime
    orders: list[OrderOut]


class CustomerPage(BaseModel):
    total: int
    customers: list[CustomerSummary]


class Revenue(BaseModel):
    start: date
    end: date
    """Exclusive."""
    orders: int
    total_cents: int
    average_per_day_cents: int


class Health(BaseModel):
    status: str
    database: str


class Status(BaseModel):
    service: str
    environment: str
    schema_revision: str | None
    window_minutes: int
    orders_in_window: int
    orders_per_minute: float


class Problem(BaseModel):
    detail: str


def problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Describe the error answers of a route for OpenAPI."""
    return {code: {"model": Problem} for code in codes}
