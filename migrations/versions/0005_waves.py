"""Remember from when on a wave bakes, and which offices it couldn't reach.

Revision: 0005, after 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PUT_OFF = """
INSERT INTO office_state (rollout_id, office, attempts, detail, updated_at)
SELECT rollout_id, office, count(*), max(reason), max(at) FROM unreached WHERE NOT given_up GROUP BY 1, 2
ON CONFLICT (rollout_id, office) DO UPDATE SET attempts = excluded.attempts, detail = excluded.detail
"""


def upgrade() -> None:
    """Apply; a bake under way goes on by the clock it had, and its run counts anew what it can't reach."""
    op.add_column("wave", sa.Column("baking_since", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE wave SET baking_since = started_at WHERE bake_until IS NOT NULL")
    op.create_table(
        "unreached",
        sa.Column("rollout_id", sa.Text(), nullable=False),
        sa.Column("wave", sa.Text(), nullable=False),
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("cameras", postgresql.JSONB(), nullable=False),
        sa.Column("given_up", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollout.rollout_id"], name=op.f("fk_unreached_rollout_id")),
        sa.PrimaryKeyConstraint("rollout_id", "wave", "office", name=op.f("pk_unreached")),
    )
    for column in ("attempts", "detail"):
        op.drop_column("office_state", column)


def downgrade() -> None:
    """Revert."""
    op.add_column("office_state", sa.Column("attempts", sa.Integer(), server_default="0", nullable=False))
    op.add_column("office_state", sa.Column("detail", sa.Text(), server_default="", nullable=False))
    op.execute(PUT_OFF)
    op.drop_table("unreached")
    op.drop_column("wave", "baking_since")
