"""Describe the ledger's tables; migrations/ builds exactly these.

The ledger is the memory between AWS calls: a row is written before a call that can't be undone and
again after it, so that a crash between any two calls can be picked up. All times are UTC and given
by the caller. No name, no photo and no face vector is ever stored here.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.dialects.postgresql import JSONB

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
# An absent value is NULL, never the JSON word null.
DATA = JSONB(none_as_null=True)
IS_PHASE = "phase IN ('Pending', 'Progressing', 'Paused', 'Healthy', 'Degraded')"

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
    # What the people in charge want of it, and how far it is.
    Column("desired_phase", Text, nullable=False, server_default="run"),
    Column("phase", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    Column("created_at", MOMENT, nullable=False),
    Column("ended_at", MOMENT),
    CheckConstraint("desired_phase IN ('run', 'pause', 'abort', 'rollback')", name="desired_phase"),
    CheckConstraint(IS_PHASE, name="phase"),
)

wave = Table(
    "wave",
    metadata,
    Column("rollout_id", Text, ForeignKey("rollout.rollout_id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("offices", JSON, nullable=False),
    Column("phase", Text, nullable=False, server_default="Pending"),
    # Whether the next wave may begin, by the gate's judgement or by a person's.
    Column("passed", Boolean, nullable=False, server_default=false()),
    Column("started_at", MOMENT),
    # From when until when it bakes; begun anew where a wave that ended is run again.
    Column("baking_since", MOMENT),
    Column("bake_until", MOMENT),
    Column("ended_at", MOMENT),
    Column("detail", Text, nullable=False, server_default=""),
    PrimaryKeyConstraint("rollout_id", "position"),
    UniqueConstraint("rollout_id", "name"),
    CheckConstraint(IS_PHASE, name="phase"),
)

office_state = Table(
    "office_state",
    metadata,
    Column("rollout_id", Text, ForeignKey("rollout.rollout_id"), nullable=False),
    Column("office", Text, nullable=False),
    # What the office as a whole had before this rollout's first change: collection and documents.
    Column("before", DATA),
    Column("updated_at", MOMENT, nullable=False),
    PrimaryKeyConstraint("rollout_id", "office"),
)

unreached = Table(
    "unreached",
    metadata,
    # An office that couldn't be reached when this wave began.
    Column("rollout_id", Text, ForeignKey("rollout.rollout_id"), nullable=False),
    Column("wave", Text, nullable=False),
    Column("office", Text, nullable=False),
    # Its cameras that this wave should have taken on.
    Column("cameras", DATA, nullable=False),
    # If not, it was put off.
    Column("given_up", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    PrimaryKeyConstraint("rollout_id", "wave", "office"),
)

camera_state = Table(
    "camera_state",
    metadata,
    Column("rollout_id", Text, nullable=False),
    Column("camera_id", Text, nullable=False),
    Column("office", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    # What the camera had before this rollout's first change to it, and what it shall have.
    Column("before", DATA),
    Column("desired", DATA),
    # Evidence counts from here on; null until the rollout changed the camera.
    Column("changed_at", MOMENT),
    Column("updated_at", MOMENT, nullable=False),
    PrimaryKeyConstraint("rollout_id", "camera_id"),
    Index("ix_camera_state_office", "office"),
    Index("ix_camera_state_camera_id", "camera_id"),
)

camera_call = Table(
    "camera_call",
    metadata,
    Column("rollout_id", Text, nullable=False),
    # Empty for what the office's cameras share.
    Column("camera_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("office", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("detail", Text, nullable=False, server_default=""),
    Column("at", MOMENT, nullable=False),
    PrimaryKeyConstraint("rollout_id", "camera_id", "action", "resource"),
    CheckConstraint("state IN ('planned', 'calling', 'done', 'failed')", name="state"),
)

analysis = Table(
    "analysis",
    metadata,
    Column("rollout_id", Text, nullable=False),
    Column("wave", Text, nullable=False),
    Column("unit", Text, nullable=False, server_default=""),
    Column("at", MOMENT, nullable=False),
    Column("result", Text, nullable=False),
    Column("samples", DATA, nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("rollout_id", "wave", "unit", "at"),
    CheckConstraint("result IN ('Successful', 'Failed', 'Error', 'Inconclusive')", name="result"),
)

probe = Table(
    "probe",
    metadata,
    Column("probe_id", Text, primary_key=True),
    Column("rollout_id", Text, nullable=False),
    Column("camera_id", Text, nullable=False),
    Column("stream_arn", Text, nullable=False),
    # Producer time; the end is the first millisecond that is the camera's own again.
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    Column("updated_at", MOMENT, nullable=False),
    CheckConstraint("state IN ('planned', 'ordered', 'playing', 'played', 'passed', 'failed')", name="state"),
    CheckConstraint("start_ms < end_ms", name="interval"),
    Index("ix_probe_rollout_id", "rollout_id"),
    Index("ix_probe_stream_arn", "stream_arn", "start_ms"),
)

control_event = Table(
    "control_event",
    metadata,
    Column("event_id", Text, primary_key=True),
    # Null: for the whole company.
    Column("rollout_id", Text, ForeignKey("rollout.rollout_id")),
    # The wave that is promoted.
    Column("wave", Text, nullable=False, server_default=""),
    Column("at", MOMENT, nullable=False),
    # When a hotfix's leave ends.
    Column("until", MOMENT),
    Column("who", Text, nullable=False),
    Column("command", Text, nullable=False),
    Column("reason", Text, nullable=False),
    CheckConstraint(
        "command IN ('pause', 'resume', 'abort', 'rollback', 'promote', 'stop_all', 'release_all', 'hotfix')",
        name="command",
    ),
    CheckConstraint("(rollout_id IS NULL) = (command IN ('stop_all', 'release_all'))", name="scope"),
    CheckConstraint("(until IS NULL) = (command <> 'hotfix')", name="until"),
    Index("ix_control_event_rollout_id", "rollout_id", "at"),
)

evidence_bundle = Table(
    "evidence_bundle",
    metadata,
    Column("rollout_id", Text, ForeignKey("rollout.rollout_id"), nullable=False),
    Column("bucket", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    # What S3 calls this object's version; empty where the bucket keeps none.
    Column("version_id", Text, nullable=False, server_default=""),
    Column("at", MOMENT, nullable=False),
    PrimaryKeyConstraint("rollout_id", "key"),
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

camera_health = Table(
    "camera_health",
    metadata,
    Column("camera_id", Text, primary_key=True),
    Column("office", Text, nullable=False),
    # How it looks, for how many looks in a row, and what was last said of it.
    Column("condition", Text, nullable=False),
    Column("looks", Integer, nullable=False),
    Column("alarmed", Text, nullable=False),
    Column("since", MOMENT),
    Column("looked_at", MOMENT),
    Column("reason", Text, nullable=False, server_default=""),
    CheckConstraint("condition IN ('well', 'blind', 'frozen')", name="condition"),
    CheckConstraint("alarmed IN ('well', 'blind', 'frozen')", name="alarmed"),
    Index("ix_camera_health_office", "office"),
)

camera_day = Table(
    "camera_day",
    metadata,
    Column("camera_id", Text, nullable=False),
    # By the office's calendar.
    Column("day", Date, nullable=False),
    Column("office", Text, nullable=False),
    # The sum of the day's looks, and until when they reach: no look is added twice.
    Column("totals", DATA, nullable=False),
    Column("looked_until", MOMENT, nullable=False),
    Column("expected", Float, nullable=False, server_default="0"),
    Column("verdict", Text, nullable=False, server_default="blind"),
    Column("cause", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
    PrimaryKeyConstraint("camera_id", "day"),
    CheckConstraint("verdict IN ('seen', 'nobody_there', 'blind', 'mis_tuned', 'off')", name="verdict"),
    Index("ix_camera_day_day", "day"),
)

heal = Table(
    "heal",
    metadata,
    # The camera, or what an office's cameras share.
    Column("subject", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("office", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    PrimaryKeyConstraint("subject", "kind", "resource", "at"),
    CheckConstraint("state IN ('calling', 'done', 'failed')", name="state"),
    Index("ix_heal_office", "office", "at"),
)

operations_message = Table(
    "operations_message",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("at", MOMENT, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", DATA, nullable=False),
    # Who publishes it claims it first; null where nobody does.
    Column("claimed_at", MOMENT),
    # Null until SNS took it.
    Column("told_at", MOMENT),
    Index("ix_operations_message_told_at", "told_at", "at"),
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
