"""Remember how cameras look, what their days were worth, and what was healed.

Revision: 0003, after 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

IS_VERDICT = "verdict IN ('seen', 'nobody_there', 'blind', 'mis_tuned', 'off')"


def upgrade() -> None:
    """Apply."""
    op.create_table('camera_health',
    sa.Column('camera_id', sa.Text(), nullable=False),
    sa.Column('office', sa.Text(), nullable=False),
    sa.Column('condition', sa.Text(), nullable=False),
    sa.Column('looks', sa.Integer(), nullable=False),
    sa.Column('alarmed', sa.Text(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('looked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reason', sa.Text(), server_default='', nullable=False),
    sa.CheckConstraint("condition IN ('well', 'blind', 'frozen')", name=op.f('ck_camera_health_condition')),
    sa.CheckConstraint("alarmed IN ('well', 'blind', 'frozen')", name=op.f('ck_camera_health_alarmed')),
    sa.PrimaryKeyConstraint('camera_id', name=op.f('pk_camera_health'))
    )
    op.create_index('ix_camera_health_office', 'camera_health', ['office'], unique=False)
    op.create_table('camera_day',
    sa.Column('camera_id', sa.Text(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('office', sa.Text(), nullable=False),
    sa.Column('totals', postgresql.JSONB(), nullable=False),
    sa.Column('looked_until', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expected', sa.Float(), server_default='0', nullable=False),
    sa.Column('verdict', sa.Text(), server_default='blind', nullable=False),
    sa.Column('cause', sa.Text(), server_default='', nullable=False),
    sa.Column('reason', sa.Text(), server_default='', nullable=False),
    sa.CheckConstraint(IS_VERDICT, name=op.f('ck_camera_day_verdict')),
    sa.PrimaryKeyConstraint('camera_id', 'day', name=op.f('pk_camera_day'))
    )
    op.create_index('ix_camera_day_day', 'camera_day', ['day'], unique=False)
    op.create_table('heal',
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('resource', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('office', sa.Text(), nullable=False),
    sa.Column('cause', sa.Text(), nullable=False),
    sa.Column('run_id', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('detail', sa.Text(), server_default='', nullable=False),
    sa.CheckConstraint("state IN ('calling', 'done', 'failed')", name=op.f('ck_heal_state')),
    sa.PrimaryKeyConstraint('subject', 'kind', 'resource', 'at', name=op.f('pk_heal'))
    )
    op.create_index('ix_heal_office', 'heal', ['office', 'at'], unique=False)


def downgrade() -> None:
    """Revert."""
    for table in ('heal', 'camera_day', 'camera_health'):
        op.drop_table(table)
