"""Where each run stands, as its last event about it says, beside the run: so that lists find runs without reading them.

Until now the column told whether somebody drives the run, which its owner tells already.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_RUNS = sa.table("runs", sa.column("id", sa.Text), sa.column("status", sa.Text))
_EVENTS = sa.table("events", *(sa.column(name) for name in ("id", "run", "kind", "data")))


def upgrade() -> None:
    """Go forward."""
    op.drop_column("runs", "status")
    op.add_column("runs", sa.Column("status", sa.Text, nullable=False, server_default=sa.text("'queued'")))
    connection = op.get_bind()
    changed = sa.select(_EVENTS.c.run, _EVENTS.c.data).where(_EVENTS.c.kind == "status_changed").order_by(_EVENTS.c.id)
    stands = {row.run: json.loads(row.data)["status"] for row in connection.execute(changed)}
    if stands:
        told = sa.update(_RUNS).where(_RUNS.c.id == sa.bindparam("run")).values(status=sa.bindparam("told"))
        connection.execute(told, [{"run": run, "told": status} for run, status in stands.items()])
    op.create_index("ix_runs_status", "runs", ["status", "created", "id"])
    op.create_index("ix_runs_created", "runs", ["created", "id"])


def downgrade() -> None:
    """Go back."""
    op.drop_index("ix_runs_created", "runs")
    op.drop_index("ix_runs_status", "runs")
    op.drop_column("runs", "status")
    op.add_column("runs", sa.Column("status", sa.Text, nullable=False, server_default=sa.text("'idle'")))
