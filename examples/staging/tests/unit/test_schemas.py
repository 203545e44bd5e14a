import pytest
from pydantic import ValidationError

from src.api.schemas import NewCustomer, NewOrder
from src.db.seed import demo_iban

CUSTOMER = {
    "full_name": "Customer One",
    "email": "one@example.com",
    "tax_number": "XX900000001",
    "phone": "+447700900001",
    "iban": demo_iban(1),
}


def test_surrounding_space_is_dropped_from_names() -> None:
    assert NewCustomer(**{**CUSTOMER, "full_name": "  Customer One "}).full_name == "Customer One"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("full_name", " "),
        ("full_name", "Customer\x00One"),
        ("full_name", "x" * 121),
        ("email", "nobody"),
        ("tax_number", "900000001"),
        ("phone", "07700 900001"),
        ("iban", "GB00TEST00000000000001"),
        ("iban", "not an IBAN"),
        ("unknown", "field"),
    ],
)
def test_a_customer_that_makes_no_sense_is_refused(field: str, value: str) -> None:
    with pytest.raises(ValidationError):
        NewCustomer(**{**CUSTOMER, field: value})


@pytest.mark.parametrize("amount", [0, -1, 100_000_001])
def test_an_amount_outside_the_bounds_is_refused(amount: int) -> None:
    with pytest.raises(ValidationError):
        NewOrder(description="Router", amount_cents=amount)
