"""Remember from when on a wave bakes, and which offices it couldn't reach.

Revision: 0005, after 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

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
    """Apply; a bake under way goes on by the clock it had."""
    op.add_column("wave", sa.Column("baking_since", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE wave SET baking_since = started_at WHERE bake_until IS NOT NULL")


def downgrade() -> None:
    """Revert."""
    op.drop_table("unreached")
    op.drop_column("wave", "baking_since")
