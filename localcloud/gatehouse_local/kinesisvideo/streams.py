"""Keep the record of every stream and move it through its states by the clock."""

from __future__ import annotations

import secrets
import string
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from typing import Any

from gatehouse_local.core.errors import AwsError
from gatehouse_local.core.runtime import Runtime
from gatehouse_local.core.service import CallContext
from gatehouse_local.kinesisvideo.settings import Settings

MAX_RETENTION_HOURS = 87_600
MAX_TAGS = 50
_VERSION_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream; times are epoch seconds, `busy_until` ends CREATING or UPDATING."""

    name: str
    arn: str
    account: str
    region: str
    version: str
    created_at: float
    busy_until: float
    retention_hours: int = 0
    device_name: str | None = None
    media_type: str | None = None
    kms_key_id: str = ""
    storage_tier: str = "HOT"
    updating: bool = False
    deleted_at: float | None = None
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Name the stream's folder; a stream made again under its name has another."""
        return f"{self.account}/{self.region}/{sha256(self.arn.encode()).hexdigest()[:16]}"

    def status(self, now: float) -> str:
        """Answer AWS's status at the instant `now`."""
        if self.deleted_at is not None:
            return "DELETING"
        if now < self.busy_until:
            return "UPDATING" if self.updating else "CREATING"
        return "ACTIVE"


class Streams:
    """Find, make, change and delete streams; every change is one transaction on the store.

    `on_delete` hears of a stream as soon as its data must be out of reach.
    """

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self._table = runtime.store.table("kinesisvideo", "stream")
        self._clock = runtime.clock
        self._quotas = runtime.quotas
        self._settings = settings
        self._lock = threading.RLock()
        self.on_delete: list[Callable[[Stream], None]] = []

    def create(self, ctx: CallContext, params: dict[str, Any]) -> Stream:
        """Make a stream in CREATING, or refuse a name that is taken (also by one being deleted)."""
        name, now = str(params["StreamName"]), self._clock()
        retention = int(params.get("DataRetentionInHours", 0))
        if retention > MAX_RETENTION_HOURS:
            raise AwsError("InvalidArgumentException", f"DataRetentionInHours is over {MAX_RETENTION_HOURS}.")
        stream = Stream(
            name=name,
            arn=f"arn:aws:kinesisvideo:{ctx.region}:{ctx.account}:stream/{name}/{int(now * 1000)}",
            account=ctx.account,
            region=ctx.region,
            version=_new_version(),
            created_at=now,
            busy_until=now + self._settings.creating_s,
            retention_hours=retention,
            device_name=params.get("DeviceName"),
            media_type=params.get("MediaType"),
            kms_key_id=params.get("KmsKeyId")
            or f"arn:aws:kms:{ctx.region}:{ctx.account}:alias/aws/kinesisvideo",
            storage_tier=params.get("StreamStorageConfiguration", {}).get("DefaultStorageTier", "HOT"),
            tags=dict(params.get("Tags", {})),
        )
        with self._lock:
            if self._live(ctx.account, ctx.region, name) is not None:
                raise AwsError("ResourceInUseException", f"The stream {name} already exists.")
            self._check_count(ctx)
            self._save(stream)
        return stream

    def find(self, ctx: CallContext, name: str | None, arn: str | None) -> Stream:
        """Find the stream that a call names by exactly one of name and ARN."""
        if bool(name) == bool(arn):
            raise AwsError("InvalidArgumentException", "Specify either StreamName or StreamARN, not both.")
        stream = self._live(ctx.account, ctx.region, name or name_in_arn(str(arn)))
        if stream is None or (arn and stream.arn != arn):
            asked = f"stream {name}" if name else f"stream ARN {arn}"
            raise AwsError(
                "ResourceNotFoundException",
                f"The requested {asked} is not found under account {ctx.account} in {ctx.region}.",
                404,
            )
        return stream

    def change(self, stream: Stream, expected_version: str | None, **changes: Any) -> Stream:
        """Apply changes to an ACTIVE stream; it is UPDATING for a moment and gets a new version."""
        with self._lock:
            current = self._current(stream)
            self._refuse_busy(current)
            _refuse_version(current, expected_version)
            changed = replace(
                current,
                version=_new_version(),
                busy_until=self._clock() + self._settings.updating_s,
                updating=True,
                **changes,
            )
            self._save(changed)
        return changed

    def retag(self, stream: Stream, put: dict[str, str], remove: frozenset[str] = frozenset()) -> None:
        """Add or replace tags and remove keys; tags are no part of the version."""
        with self._lock:
            current = self._current(stream)
            tags = {key: value for key, value in {**current.tags, **put}.items() if key not in remove}
            if len(tags) > MAX_TAGS:
                raise AwsError(
                    "TagsPerResourceExceededLimitException",
                    f"The stream {stream.name} can have at most {MAX_TAGS} tags; none was changed.",
                )
            self._save(replace(current, tags=tags))

    def delete(self, stream: Stream, expected_version: str | None) -> None:
        """Mark a stream DELETING: its media is out of reach at once, its record a little later."""
        with self._lock:
            current = self._current(stream)
            self._refuse_busy(current)
            _refuse_version(current, expected_version)
            gone = replace(current, deleted_at=self._clock())
            self._save(gone)
        for hear in self.on_delete:
            hear(gone)

    def named(self, account: str, region: str, prefix: str, after: str) -> Iterator[Stream]:
        """Yield the streams of a Region by name, those being deleted included."""
        for _, body in self._table.list(account, region, prefix, after):
            stream = self._unless_gone(_load(body))
            if stream is not None:
                yield stream

    def all(self) -> list[Stream]:
        """List every stream of every account and Region that isn't deleted or being so."""
        streams = (_load(body) for *_, body in self._table.all())
        return [stream for stream in streams if stream.deleted_at is None]

    def status(self, stream: Stream) -> str:
        """Answer the state of this very stream now: DELETING also when its record is gone or another's."""
        current = self._live(stream.account, stream.region, stream.name)
        if current is None or current.arn != stream.arn:
            return "DELETING"
        return current.status(self._clock())

    def refresh(self, stream: Stream) -> Stream | None:
        """Read this very stream again; None once it is deleted or being so."""
        current = self._live(stream.account, stream.region, stream.name)
        if current is None or current.arn != stream.arn or current.deleted_at is not None:
            return None
        return current

    def _current(self, stream: Stream) -> Stream:
        current = self._live(stream.account, stream.region, stream.name)
        if current is None or current.arn != stream.arn:
            raise AwsError("ResourceNotFoundException", f"The stream {stream.arn} is not found.", 404)
        return current

    def _live(self, account: str, region: str, name: str) -> Stream | None:
        body = self._table.get(account, region, name)
        return None if body is None else self._unless_gone(_load(body))

    def _unless_gone(self, stream: Stream) -> Stream | None:
        if stream.deleted_at is None or self._clock() < stream.deleted_at + self._settings.deleting_s:
            return stream
        self._table.delete(stream.account, stream.region, stream.name)
        return None

    def _refuse_busy(self, stream: Stream) -> None:
        status = stream.status(self._clock())
        if status != "ACTIVE":
            raise AwsError(
                "ResourceInUseException",
                f"The stream {stream.name} is {status}; nothing was changed. Try again when it is ACTIVE.",
            )

    def _check_count(self, ctx: CallContext) -> None:
        if self._table.count(ctx.account, ctx.region) >= self._quotas.count(
            "kinesisvideo", "StreamsPerAccount", ctx.account, ctx.region
        ):
            raise self._quotas.exceeded("kinesisvideo", "StreamsPerAccount", ctx.account, ctx.region)

    def _save(self, stream: Stream) -> None:
        self._table.put(stream.account, stream.region, stream.name, asdict(stream))


def name_in_arn(arn: str) -> str:
    """Read the stream's name out of an ARN; empty where it has none."""
    parts = arn.split("/")
    return parts[1] if len(parts) > 1 else ""


def _load(body: dict[str, Any]) -> Stream:
    return Stream(**body)


def _new_version() -> str:
    return "".join(secrets.choice(_VERSION_ALPHABET) for _ in range(20))


def _refuse_version(stream: Stream, expected: str | None) -> None:
    if expected is not None and expected != stream.version:
        raise AwsError(
            "VersionMismatchException",
            f"The stream {stream.name} has version {stream.version}, not {expected}; nothing was changed. "
            "Call DescribeStream for the current version.",
        )
