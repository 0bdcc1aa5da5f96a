"""Remember what a rollout changed, how it is judged, and who steers it.

Revision: 0002, after 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

IS_PHASE = "phase IN ('Pending', 'Progressing', 'Paused', 'Healthy', 'Degraded')"
PHASES = {'planned': 'Pending', 'progressing': 'Progressing', 'verified': 'Healthy', 'failed': 'Degraded'}


def upgrade() -> None:
    """Apply."""
    op.add_column('rollout', sa.Column('detail', sa.Text(), server_default='', nullable=False))
    for old, new in PHASES.items():
        op.execute(sa.text('UPDATE rollout SET phase = :new WHERE phase = :old').bindparams(new=new, old=old))
    op.create_check_constraint(op.f('ck_rollout_phase'), 'rollout', IS_PHASE)
    op.create_check_constraint(
        op.f('ck_rollout_desired_phase'), 'rollout', "desired_phase IN ('run', 'pause', 'abort', 'rollback')"
    )

    op.add_column('wave', sa.Column('phase', sa.Text(), server_default='Pending', nullable=False))
    op.add_column('wave', sa.Column('passed', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column('wave', sa.Column('started_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('wave', sa.Column('bake_until', sa.DateTime(timezone=True), nullable=True))
    op.add_column('wave', sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('wave', sa.Column('detail', sa.Text(), server_default='', nullable=False))
    op.create_unique_constraint(op.f('uq_wave_rollout_id'), 'wave', ['rollout_id', 'name'])
    op.create_check_constraint(op.f('ck_wave_phase'), 'wave', IS_PHASE)

    # A camera has a state in every rollout that touched it, not only in its last.
    op.drop_constraint(op.f('pk_camera_state'), 'camera_state', type_='primary')
    op.create_primary_key(op.f('pk_camera_state'), 'camera_state', ['rollout_id', 'camera_id'])
    op.add_column('camera_state', sa.Column('before', postgresql.JSONB(), nullable=True))
    op.add_column('camera_state', sa.Column('desired', postgresql.JSONB(), nullable=True))
    op.add_column('camera_state', sa.Column('changed_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index('ix_camera_state_camera_id', 'camera_state', ['camera_id'], unique=False)

    op.create_table('office_state',
    sa.Column('rollout_id', sa.Text(), nullable=False),
    sa.Column('office', sa.Text(), nullable=False),
    sa.Column('before', postgresql.JSONB(), nullable=True),
    sa.Column('attempts', sa.Integer(), server_default='0', nullable=False),
    sa.Column('detail', sa.Text(), server_default='', nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['rollout_id'], ['rollout.rollout_id'], name=op.f('fk_office_state_rollout_id')),
    sa.PrimaryKeyConstraint('rollout_id', 'office', name=op.f('pk_office_state'))
    )
    op.create_table('camera_call',
    sa.Column('rollout_id', sa.Text(), nullable=False),
    sa.Column('camera_id', sa.Text(), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('resource', sa.Text(), nullable=False),
    sa.Column('office', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('attempts', sa.Integer(), server_default='0', nullable=False),
    sa.Column('detail', sa.Text(), server_default='', nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("state IN ('planned', 'calling', 'done', 'failed')", name=op.f('ck_camera_call_state')),
    sa.PrimaryKeyConstraint('rollout_id', 'camera_id', 'action', 'resource', name=op.f('pk_camera_call'))
    )
    op.create_table('analysis',
    sa.Column('rollout_id', sa.Text(), nullable=False),
    sa.Column('wave', sa.Text(), nullable=False),
    sa.Column('unit', sa.Text(), server_default='', nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('result', sa.Text(), nullable=False),
    sa.Column('samples', postgresql.JSONB(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.CheckConstraint("result IN ('Successful', 'Failed', 'Error', 'Inconclusive')", name=op.f('ck_analysis_result')),
    sa.PrimaryKeyConstraint('rollout_id', 'wave', 'unit', 'at', name=op.f('pk_analysis'))
    )
    op.create_table('probe',
    sa.Column('probe_id', sa.Text(), nullable=False),
    sa.Column('rollout_id', sa.Text(), nullable=False),
    sa.Column('camera_id', sa.Text(), nullable=False),
    sa.Column('stream_arn', sa.Text(), nullable=False),
    sa.Column('start_ms', sa.BigInteger(), nullable=False),
    sa.Column('end_ms', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('detail', sa.Text(), server_default='', nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('start_ms < end_ms', name=op.f('ck_probe_interval')),
    sa.CheckConstraint("state IN ('planned', 'ordered', 'playing', 'played', 'passed', 'failed')", name=op.f('ck_probe_state')),
    sa.PrimaryKeyConstraint('probe_id', name=op.f('pk_probe'))
    )
    op.create_index('ix_probe_rollout_id', 'probe', ['rollout_id'], unique=False)
    op.create_index('ix_probe_stream_arn', 'probe', ['stream_arn', 'start_ms'], unique=False)
    op.create_table('control_event',
    sa.Column('event_id', sa.Text(), nullable=False),
    sa.Column('rollout_id', sa.Text(), nullable=True),
    sa.Column('wave', sa.Text(), server_default='', nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('who', sa.Text(), nullable=False),
    sa.Column('command', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.CheckConstraint("command IN ('pause', 'resume', 'abort', 'rollback', 'promote', 'stop_all', 'release_all', 'hotfix')", name=op.f('ck_control_event_command')),
    sa.CheckConstraint("(rollout_id IS NULL) = (command IN ('stop_all', 'release_all'))", name=op.f('ck_control_event_scope')),
    sa.CheckConstraint("(until IS NULL) = (command <> 'hotfix')", name=op.f('ck_control_event_until')),
    sa.ForeignKeyConstraint(['rollout_id'], ['rollout.rollout_id'], name=op.f('fk_control_event_rollout_id')),
    sa.PrimaryKeyConstraint('event_id', name=op.f('pk_control_event'))
    )
    op.create_index('ix_control_event_rollout_id', 'control_event', ['rollout_id', 'at'], unique=False)
    op.create_table('evidence_bundle',
    sa.Column('rollout_id', sa.Text(), nullable=False),
    sa.Column('bucket', sa.Text(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.Column('version_id', sa.Text(), server_default='', nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['rollout_id'], ['rollout.rollout_id'], name=op.f('fk_evidence_bundle_rollout_id')),
    sa.PrimaryKeyConstraint('rollout_id', 'key', name=op.f('pk_evidence_bundle'))
    )


def downgrade() -> None:
    """Revert; of a camera that several rollouts touched, the latest state is kept."""
    for table in ('evidence_bundle', 'control_event', 'probe', 'analysis', 'camera_call', 'office_state'):
        op.drop_table(table)

    op.drop_index('ix_camera_state_camera_id', table_name='camera_state')
    for column in ('changed_at', 'desired', 'before'):
        op.drop_column('camera_state', column)
    op.execute(
        'DELETE FROM camera_state old USING camera_state new WHERE old.camera_id = new.camera_id '
        'AND (old.updated_at, old.rollout_id) < (new.updated_at, new.rollout_id)'
    )
    op.drop_constraint(op.f('pk_camera_state'), 'camera_state', type_='primary')
    op.create_primary_key(op.f('pk_camera_state'), 'camera_state', ['camera_id'])

    op.drop_constraint(op.f('ck_wave_phase'), 'wave', type_='check')
    op.drop_constraint(op.f('uq_wave_rollout_id'), 'wave', type_='unique')
    for column in ('detail', 'ended_at', 'bake_until', 'started_at', 'passed', 'phase'):
        op.drop_column('wave', column)

    op.drop_constraint(op.f('ck_rollout_desired_phase'), 'rollout', type_='check')
    op.drop_constraint(op.f('ck_rollout_phase'), 'rollout', type_='check')
    for old, new in PHASES.items():
        op.execute(sa.text('UPDATE rollout SET phase = :old WHERE phase = :new').bindparams(new=new, old=old))
    op.execute("UPDATE rollout SET phase = 'progressing' WHERE phase = 'Paused'")
    op.drop_column('rollout', 'detail')
