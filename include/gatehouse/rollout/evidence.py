"""Bundle what a rollout planned, did and saw, so that it can be shown years later and never be changed.

The bundle is made from the ledger alone: made twice it has the same bytes, and a changed one, of a run
that was taken up after its end, goes beside the first and names it.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gatehouse.exceptions import PlanError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMAT = 1
FOLDER = "evidence/rollouts"


@dataclass(frozen=True, slots=True)
class RolloutRecord:
    """Hold what the ledger knows of an ended rollout; every row is plain data.

    `verification` tells by camera how it ended, `versions` what ran: Gatehouse, Airflow, its
    amazon provider, and a digest of the configuration.
    """

    rollout_id: str
    phase: str
    detail: str
    created_at: datetime
    ended_at: datetime
    plan: Mapping[str, Any]
    plan_hash: str
    approvals: Sequence[Mapping[str, Any]] = ()
    waves: Sequence[Mapping[str, Any]] = ()
    analyses: Sequence[Mapping[str, Any]] = ()
    probes: Sequence[Mapping[str, Any]] = ()
    calls: Sequence[Mapping[str, Any]] = ()
    controls: Sequence[Mapping[str, Any]] = ()
    verification: Mapping[str, Any] | None = None
    versions: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Bundle:
    """Hold a bundle's bytes, their digest and the S3 key to write them to with If-None-Match."""

    key: str
    body: bytes
    sha256: str


def make_bundle(record: RolloutRecord, listed: Mapping[str, str]) -> Bundle | None:
    """Return the bundle to write, or None if it is listed already.

    `listed` are this rollout's bundles in the ledger (key → sha256).
    """
    content = {"format": FORMAT, **{name: getattr(record, name) for name in RolloutRecord.__slots__}}
    for count in range(len(listed) + 1):
        # Each bundle names the ones before it, so a later one is compared as it was made: with the same past.
        past = dict(sorted(listed.items(), key=lambda item: bundle_number(item[0]))[:count])
        body = canonical_json({**content, "supersedes": past})
        digest = hashlib.sha256(body).hexdigest()
        if digest in listed.values():
            return None
    return Bundle(bundle_key(record.rollout_id, len(listed) + 1), body, digest)


def bundle_key(rollout_id: str, number: int = 1) -> str:
    """Return the S3 key of a rollout's bundle; the second is `<rollout_id>@2.json`."""
    if not re.fullmatch(r"[A-Za-z0-9_.:+~-]+", rollout_id) or rollout_id.startswith("."):
        msg = (
            f"Rollout id '{rollout_id}' makes no safe S3 key; no evidence was written. Trigger runs with "
            "letters, digits and _.:+~- only"
        )
        raise PlanError(msg)
    return f"{FOLDER}/{rollout_id}.json" if number == 1 else f"{FOLDER}/{rollout_id}@{number}.json"


def bundle_number(key: str) -> int:
    """Return which of its rollout's bundles a key names."""
    found = re.search(r"@(\d+)\.json$", key)
    return int(found[1]) if found else 1


def canonical_json(value: Any) -> bytes:
    """Return the one way to write a value: sorted keys, no spaces, UTF-8, times in UTC."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain
    )
    return text.encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    msg = f"{type(value).__name__} has no place in a bundle"
    raise TypeError(msg)
