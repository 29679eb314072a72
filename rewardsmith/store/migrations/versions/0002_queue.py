"""Runs that wait for a driver, and the keys that they were submitted under."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column("runs", sa.Column("queued", sa.Float(53)))
    op.add_column("runs", sa.Column("submission", sa.Text))
    op.add_column("runs", sa.Column("digest", sa.Text))
    op.create_index("uq_runs_submission", "runs", ["submission"], unique=True)


def downgrade() -> None:
    """Go back."""
    op.drop_index("uq_runs_submission", "runs")
    for name in ("digest", "submission", "queued"):
        op.drop_column("runs", name)
