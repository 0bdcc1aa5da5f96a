"""Describe the ledger's tables; migrations/ builds exactly these.

The ledger is the memory between AWS calls: a row is written before a call that can't be undone and
again after it, so that a crash between any two calls can be picked up. All times are UTC and given
by the caller. No name, no photo and no face vector is ever stored here.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

MOMENT = DateTime(timezone=True)

person = Table(
    "person",
    metadata,
    # Random; the ExternalImageId of every face of this person. It encodes nothing.
    Column("person_id", Text, primary_key=True),
    Column("employee_id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("permission_profile", Text, nullable=False, server_default=""),
    Column("updated_at", MOMENT, nullable=False),
)

consent = Table(
    "consent",
    metadata,
    Column("person_id", Text, ForeignKey("person.person_id"), nullable=False),
    Column("text_version", Text, nullable=False),
    Column("given_at", MOMENT, nullable=False),
    Column("withdrawn_at", MOMENT),
    PrimaryKeyConstraint("person_id", "text_version", "given_at"),
)

permission = Table(
    "permission",
    metadata,
    Column("person_id", Text, ForeignKey("person.person_id"), nullable=False),
    Column("office", Text, nullable=False),
    Column("profile", Text, nullable=False),
    PrimaryKeyConstraint("person_id", "office"),
)

photo = Table(
    "photo",
    metadata,
    Column("photo_id", Text, primary_key=True),
    Column("person_id", Text, ForeignKey("person.person_id"), nullable=False),
    Column("s3_key", Text, nullable=False),
    # What S3 calls this content; a new one is a new photo, even under the same key.
    Column("etag", Text, nullable=False),
    Column("sha256", Text),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("updated_at", MOMENT, nullable=False),
    UniqueConstraint("person_id", "s3_key", "etag"),
    CheckConstraint("state IN ('usable', 'quarantined')", name="state"),
)

face = Table(
    "face",
    metadata,
    Column("office", Text, nullable=False),
    Column("collection_id", Text, nullable=False),
    Column("photo_id", Text, ForeignKey("photo.photo_id"), nullable=False),
    Column("person_id", Text, ForeignKey("person.person_id"), nullable=False),
    Column("face_id", Text),
    Column("model_version", Text),
    Column("state", Text, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    PrimaryKeyConstraint("collection_id", "photo_id"),
    CheckConstraint("state IN ('planned', 'indexed', 'doomed', 'deleted', 'quarantined')", name="state"),
    Index("ix_face_office_state", "office", "state"),
)

receipt = Table(
    "receipt",
    metadata,
    Column("receipt_id", Text, primary_key=True),
    Column("person_id", Text, nullable=False),
    Column("office", Text, nullable=False),
    Column("deed", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("at", MOMENT, nullable=False),
    Index("ix_receipt_person_id", "person_id"),
)

hold = Table(
    "hold",
    metadata,
    Column("hold_id", Text, primary_key=True),
    Column("person_id", Text, ForeignKey("person.person_id"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("placed_at", MOMENT, nullable=False),
    Column("released_at", MOMENT),
)

rollout = Table(
    "rollout",
    metadata,
    Column("rollout_id", Text, primary_key=True),
    Column("plan", JSON, nullable=False),
    Column("plan_hash", Text, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    # What the people in charge want (run, pause, abort) and how far it is.
    Column("desired_phase", Text, nullable=False, server_default="run"),
    Column("phase", Text, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("ended_at", MOMENT),
)

wave = Table(
    "wave",
    metadata,
    Column("rollout_id", Text, ForeignKey("rollout.rollout_id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("offices", JSON, nullable=False),
    PrimaryKeyConstraint("rollout_id", "position"),
)

camera_state = Table(
    "camera_state",
    metadata,
    Column("camera_id", Text, primary_key=True),
    Column("office", Text, nullable=False),
    Column("rollout_id", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    Column("updated_at", MOMENT, nullable=False),
    Index("ix_camera_state_office", "office"),
)

approval = Table(
    "approval",
    metadata,
    Column("rollout_id", Text, ForeignKey("rollout.rollout_id"), nullable=False),
    Column("plan_hash", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided_at", MOMENT, nullable=False),
    PrimaryKeyConstraint("rollout_id", "plan_hash"),
)

office_lease = Table(
    "office_lease",
    metadata,
    Column("office", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("heartbeat_at", MOMENT, nullable=False),
    Column("expires_at", MOMENT, nullable=False),
)

notification_claim = Table(
    "notification_claim",
    metadata,
    Column("alert_id", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("claimed_at", MOMENT, nullable=False),
    Column("claimed_by", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="1"),
    Column("delivered_at", MOMENT),
    PrimaryKeyConstraint("alert_id", "channel"),
)
