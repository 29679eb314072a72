"""Keys of the service, the sessions of their holders, and whose each run is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "keys",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("limits", sa.Text, nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("revoked", sa.Float(53)),
    )
    op.create_index("uq_keys_hash", "keys", ["hash"], unique=True)
    op.create_table(
        "sessions",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, sa.ForeignKey("keys.name"), nullable=False),
        sa.Column("until", sa.Float(53), nullable=False),
    )
    op.add_column("runs", sa.Column("asker", sa.Text, nullable=False, server_default=sa.text("''")))
    op.add_column("runs", sa.Column("trainings", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.add_column("runs", sa.Column("dollars", sa.Float(53), nullable=False, server_default=sa.text("0")))
    op.drop_index("uq_runs_submission", "runs")
    op.create_index("uq_runs_submission", "runs", ["asker", "submission"], unique=True)


def downgrade() -> None:
    """Go back."""
    op.drop_index("uq_runs_submission", "runs")
    op.create_index("uq_runs_submission", "runs", ["submission"], unique=True)
    for name in ("dollars", "trainings", "asker"):
        op.drop_column("runs", name)
    op.drop_table("sessions")
    op.drop_table("keys")
