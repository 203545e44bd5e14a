"""Customer status

Customers who close their account stay on the books, so closing can't be a deletion.

Revision: c47e1d93ab58
Follows: 8b52d0e6f1a9
Created: 2025-10-06 08:30:22+00:00
"""

import sqlalchemy as sa
from alembic import op

revision = "c47e1d93ab58"
down_revision = "8b52d0e6f1a9"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("customers", sa.Column("status", sa.String(16), server_default="active", nullable=False))
    op.create_check_constraint(op.f("ck_customers_status"), "customers", "status IN ('active', 'closed')")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_customers_status"), "customers", type_="check")
    op.drop_column("customers", "status")
