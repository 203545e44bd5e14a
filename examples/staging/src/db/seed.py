"""First start: one administrator and synthetic customers, each only where its table is empty."""

import logging
import random
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from src.core.config import Settings, get_settings
from src.core.logging import configure_logging
from src.core.security import hash_password
from src.db.models import Customer, CustomerStatus, Order, Role, User
from src.db.session import make_engine, make_sessions

CUSTOMERS = 48
ORDERS_PER_CUSTOMER = 4
PRODUCTS = ("Router", "Fibre 250", "Fibre 1000", "Set-top box", "Installation", "Repeater")

logger = logging.getLogger("seed")


def demo_iban(number: int) -> str:
    """A well-formed IBAN of a bank that does not exist."""
    account = f"TEST{number:014d}"
    digits = "".join(str(int(character, 36)) for character in f"{account}GB00")
    return f"GB{98 - int(digits) % 97:02d}{account}"


def demo_customer(number: int, orders: list[Order]) -> Customer:
    return Customer(
        full_name=f"Customer {number:03d}",
        email=f"customer{number:03d}@example.com",
        tax_number=f"XX{900_000_000 + number:09d}",
        # 07700 900000 to 900999 is reserved for drama, so nobody's telephone rings.
        phone=f"+447700900{number:03d}",
        iban=demo_iban(number),
        status=CustomerStatus.CLOSED if number % 12 == 0 else CustomerStatus.ACTIVE,
        orders=orders,
    )


def demo_customers(now: datetime) -> list[Customer]:
    """The same customers each time; their orders are spread over the 90 days before `now`."""
    chance = random.Random(20251006)  # noqa: S311  # demo data, not a secret

    def order() -> Order:
        return Order(
            description=chance.choice(PRODUCTS),
            amount_cents=chance.randrange(990, 24_990, 500),
            placed_at=now - timedelta(minutes=chance.randrange(90 * 24 * 60)),
        )

    return [demo_customer(number, [order() for _ in range(ORDERS_PER_CUSTOMER)]) for number in range(1, CUSTOMERS + 1)]


def seed(session: Session, settings: Settings, now: datetime) -> None:
    if session.scalar(select(User.id).limit(1)) is None:
        session.add(
            User(
                email=settings.admin_email,
                full_name="Administrator",
                password_hash=hash_password(settings.admin_password.get_secret_value()),
                role=Role.ADMIN,
            )
        )
        logger.info("administrator created")
    if settings.seed_demo_data and session.scalar(select(Customer.id).limit(1)) is None:
        session.add_all(demo_customers(now))
        logger.info("demo customers created")
    session.commit()


def main() -> None:
    settings = get_settings()
    configure_logging(settings.log_level)
    engine = make_engine(settings.application_url(), settings.db_connect_timeout)
    with make_sessions(engine)() as session:
        seed(session, settings, datetime.now(UTC))
    engine.dispose()


if __name__ == "__main__":
    main()
