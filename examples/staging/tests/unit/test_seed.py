from datetime import UTC, datetime, timedelta

from src.api.schemas import valid_iban
from src.db.seed import CUSTOMERS, ORDERS_PER_CUSTOMER, demo_customers, demo_iban

NOW = datetime(2025, 10, 6, tzinfo=UTC)


def test_demo_bank_accounts_are_well_formed_and_distinct() -> None:
    accounts = {valid_iban(demo_iban(number)) for number in range(200)}
    assert len(accounts) == 200


def test_demo_customers_are_the_same_each_time() -> None:
    first, second = demo_customers(NOW), demo_customers(NOW)
    assert [customer.email for customer in first] == [customer.email for customer in second]
    assert [order.amount_cents for customer in first for order in customer.orders] == [
        order.amount_cents for customer in second for order in customer.orders
    ]


def test_demo_orders_lie_in_the_last_ninety_days() -> None:
    orders = [order for customer in demo_customers(NOW) for order in customer.orders]
    assert len(orders) == CUSTOMERS * ORDERS_PER_CUSTOMER
    assert all(NOW - timedelta(days=90) < order.placed_at <= NOW for order in orders)
