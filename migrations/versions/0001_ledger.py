"""Build the ledger.

Revision: 0001, the first.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table('camera_state',
    sa.Column('camera_id', sa.Text(), nullable=False),
    sa.Column('office', sa.Text(), nullable=False),
    sa.Column('rollout_id', sa.Text(), nullable=False),
    sa.Column('phase', sa.Text(), nullable=False),
    sa.Column('detail', sa.Text(), server_default='', nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('camera_id', name=op.f('pk_camera_state'))
    )
    op.create_index('ix_camera_state_office', 'camera_state', ['office'], unique=False)
    op.create_table('notification_claim',
    sa.Column('alert_id', sa.Text(), nullable=False),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('claimed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('claimed_by', sa.Text(), nullable=False),
    sa.Column('attempts', sa.Integer(), server_default='1', nullable=False),
    sa.Column('delivered_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('alert_id', 'channel', name=op.f('pk_notification_claim'))
    )
    op.create_table('office_lease',
    sa.Column('office', sa.Text(), nullable=False),
    sa.Column('holder', sa.Text(), nullable=False),
    sa.Column('heartbeat_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('office', name=op.f('pk_office_lease'))
    )
    op.create_table('person',
    sa.Column('person_id', sa.Text(), nullable=False),
    sa.Column('employee_id', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('permission_profile', sa.Text(), server_default='', nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('person_id', name=op.f('pk_person')),
    sa.UniqueConstraint('employee_id', name=op.f('uq_person_employee_id'))
    )
    op.create_table('receipt',
    sa.Column('receipt_id', sa.Text(), nullable=False),
    sa.Column('person_id', sa.Text(), nullable=False),
    sa.Column('office', sa.Text(), nullable=False),
    sa.Column('deed', sa.Text(), nullable=False),
    sa.Column('run_id', sa.Text(), nullable=False),
    sa.Column('detail', sa.JSON(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('receipt_id', name=op.f('pk_receipt'))
    )
    op.create_index('ix_receipt_person_id', 'receipt', ['person_id'], unique=False)
    op.create_table('rollout',
    sa.Column('rollout_id', sa.Text(), nullable=False),
    sa.Column('plan', sa.JSON(), nullable=False),
    sa.Column('plan_hash', sa.Text(), nullable=False),
    sa.Column('dry_run', sa.Boolean(), nullable=False),
    sa.Column('desired_phase', sa.Text(), server_default='run', nullable=False),
    sa.Column('phase', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('rollout_id', name=op.f('pk_rollout'))
    )
    op.create_table('approval',
    sa.Column('rollout_id', sa.Text(), nullable=False),
    sa.Column('plan_hash', sa.Text(), nullable=False),
    sa.Column('decision', sa.Text(), nullable=False),
    sa.Column('decided_by', sa.Text(), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['rollout_id'], ['rollout.rollout_id'], name=op.f('fk_approval_rollout_id')),
    sa.PrimaryKeyConstraint('rollout_id', 'plan_hash', name=op.f('pk_approval'))
    )
    op.create_table('consent',
    sa.Column('person_id', sa.Text(), nullable=False),
    sa.Column('text_version', sa.Text(), nullable=False),
    sa.Column('given_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['person.person_id'], name=op.f('fk_consent_person_id')),
    sa.PrimaryKeyConstraint('person_id', 'text_version', 'given_at', name=op.f('pk_consent'))
    )
    op.create_table('hold',
    sa.Column('hold_id', sa.Text(), nullable=False),
    sa.Column('person_id', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('placed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('released_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['person.person_id'], name=op.f('fk_hold_person_id')),
    sa.PrimaryKeyConstraint('hold_id', name=op.f('pk_hold'))
    )
    op.create_table('permission',
    sa.Column('person_id', sa.Text(), nullable=False),
    sa.Column('office', sa.Text(), nullable=False),
    sa.Column('profile', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['person.person_id'], name=op.f('fk_permission_person_id')),
    sa.PrimaryKeyConstraint('person_id', 'office', name=op.f('pk_permission'))
    )
    op.create_table('photo',
    sa.Column('photo_id', sa.Text(), nullable=False),
    sa.Column('person_id', sa.Text(), nullable=False),
    sa.Column('s3_key', sa.Text(), nullable=False),
    sa.Column('etag', sa.Text(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), server_default='', nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("state IN ('usable', 'quarantined')", name=op.f('ck_photo_state')),
    sa.ForeignKeyConstraint(['person_id'], ['person.person_id'], name=op.f('fk_photo_person_id')),
    sa.PrimaryKeyConstraint('photo_id', name=op.f('pk_photo')),
    sa.UniqueConstraint('person_id', 's3_key', 'etag', name=op.f('uq_photo_person_id'))
    )
    op.create_table('wave',
    sa.Column('rollout_id', sa.Text(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('offices', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['rollout_id'], ['rollout.rollout_id'], name=op.f('fk_wave_rollout_id')),
    sa.PrimaryKeyConstraint('rollout_id', 'position', name=op.f('pk_wave'))
    )
    op.create_table('face',
    sa.Column('office', sa.Text(), nullable=False),
    sa.Column('collection_id', sa.Text(), nullable=False),
    sa.Column('photo_id', sa.Text(), nullable=False),
    sa.Column('person_id', sa.Text(), nullable=False),
    sa.Column('face_id', sa.Text(), nullable=True),
    sa.Column('model_version', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("state IN ('planned', 'indexed', 'doomed', 'deleted', 'quarantined')", name=op.f('ck_face_state')),
    sa.ForeignKeyConstraint(['person_id'], ['person.person_id'], name=op.f('fk_face_person_id')),
    sa.ForeignKeyConstraint(['photo_id'], ['photo.photo_id'], name=op.f('fk_face_photo_id')),
    sa.PrimaryKeyConstraint('collection_id', 'photo_id', name=op.f('pk_face'))
    )
    op.create_index('ix_face_office_state', 'face', ['office', 'state'], unique=False)


def downgrade() -> None:
    """Revert."""
    op.drop_index('ix_face_office_state', table_name='face')
    op.drop_table('face')
    op.drop_table('wave')
    op.drop_table('photo')
    op.drop_table('permission')
    op.drop_table('hold')
    op.drop_table('consent')
    op.drop_table('approval')
    op.drop_table('rollout')
    op.drop_index('ix_receipt_person_id', table_name='receipt')
    op.drop_table('receipt')
    op.drop_table('person')
    op.drop_table('office_lease')
    op.drop_table('notification_claim')
    op.drop_index('ix_camera_state_office', table_name='camera_state')
    op.drop_table('camera_state')
