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


def upgrade() -> None:
    """Apply; a bake under way goes on by the clock it had."""
    op.add_column("wave", sa.Column("baking_since", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE wave SET baking_since = started_at WHERE bake_until IS NOT NULL")


def downgrade() -> None:
    """Revert."""
    op.drop_table("unreached")
    op.drop_column("wave", "baking_since")
