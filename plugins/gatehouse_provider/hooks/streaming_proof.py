"""Prove that this account may run stream processors and that their role works, by running one.

Everything made for it is named `gatehouse-preflight-<run>`, tagged `gatehouse:preflight`, and removed again;
what a killed run left is found by that name and tag, and removed by the next. Only the data stream is named
`gatehouse-records-preflight-<run>`, because the role may write to what is named like a record stream.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from gatehouse.office import naming
from gatehouse.rollout.preflight import Seen
from gatehouse.rollout.resources import Processor
from gatehouse_provider.hooks.base_aws import error_code, pages
from gatehouse_provider.hooks.kinesis import RecordStreamHook
from gatehouse_provider.hooks.kinesis_video import KinesisVideoHook
from gatehouse_provider.hooks.rekognition import RekognitionHook
from gatehouse_provider.settings import AWS_CONNECTION

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "gatehouse-preflight-"
RECORDS_PREFIX = naming.record_stream("preflight-")
TAG_PREFLIGHT = "gatehouse:preflight"
TAG_AT = "gatehouse:preflight-at"
# A preflight that runs now isn't disturbed; one that began so long ago was killed.
ABANDONED = timedelta(minutes=30)
TIMEOUT_SECONDS = 120  # longer in STARTING never ends (aws.md §2.7)
_PATIENCE = {"Delay": 1, "MaxAttempts": TIMEOUT_SECONDS}


class StreamingProofHook(BaseHook):
    """Start and stop a stream processor of its own in one Region.

    :param role_arn: the role that the offices' processors will assume.
    :param run_id: whose preflight this is; the same run finds its own leftovers again.
    """

    def __init__(
        self, region: str, account: str, role_arn: str, run_id: str, aws_conn_id: str | None = AWS_CONNECTION
    ) -> None:
        super().__init__()
        self.region, self.account, self.role_arn = region, account, role_arn
        self.run = hashlib.sha256(run_id.encode()).hexdigest()[:12]
        self.name = PREFIX + self.run
        self._place: dict[str, Any] = {"aws_conn_id": aws_conn_id, "region_name": region}

    @cached_property
    def rekognition(self) -> RekognitionHook:
        """Reach Rekognition."""
        return RekognitionHook(**self._place)

    @cached_property
    def video(self) -> KinesisVideoHook:
        """Reach Kinesis Video."""
        return KinesisVideoHook(**self._place)

    @cached_property
    def records(self) -> RecordStreamHook:
        """Reach Kinesis Data Streams."""
        return RecordStreamHook(**self._place)

    def prove(self) -> tuple[Seen, Seen]:
        """Return whether the account may stream, and whether the role works; nothing is left behind."""
        self.remove(self.name)  # what this very run left when it was killed
        try:
            wanted = self._prepare()
            if (right := self._create(wanted)).answer != "yes":
                return right, Seen("not_proved", "no stream processor could be made")
            return right, self._start()
        except (BotoCoreError, ClientError) as error:
            unknown = Seen("unknown", f"{type(error).__name__}: {error}")
            return unknown, unknown
        finally:
            self.remove(self.name)

    def _tags(self) -> dict[str, str]:
        return {TAG_PREFLIGHT: self.run, TAG_AT: datetime.now(UTC).isoformat(timespec="seconds")}

    def _prepare(self) -> Processor:
        """Make what a processor reads, writes and searches, and wait until it takes data."""
        self.rekognition.create_collection(self.name, self._tags())
        video_arn = self.video.create_stream(self.name, 1, self._tags())
        records = _records(self.name)
        self.records.create_stream(records, 1, self._tags())
        self.records.wait_until_active(records, TIMEOUT_SECONDS)
        waiter = self.video.get_waiter("stream_active")
        waiter.wait(StreamName=self.name, WaiterConfig=_PATIENCE)
        record_arn = f"arn:aws:kinesis:{self.region}:{self.account}:stream/{records}"
        return Processor("STOPPED", video_arn, record_arn, self.name, 80.0, self.role_arn)

    def _create(self, wanted: Processor) -> Seen:
        try:
            self.rekognition.create_processor(self.name, wanted, self._tags())
        except ClientError as error:
            if error_code(error) != "AccessDeniedException":
                raise
            # AWS doesn't publish what it answers an ineligible account; a missing IAM right looks alike.
            words = error.response["Error"].get("Message") or "no reason given"
            return Seen("no", f"CreateStreamProcessor: AccessDeniedException, {words}")
        return Seen("yes")

    def _start(self) -> Seen:
        """Start and wait: AWS accepts a start that ends FAILED, and only then names the cause."""
        try:
            self.rekognition.start_processor(self.name)
        except ClientError as error:
            return Seen("unknown", f"StartStreamProcessor: {error_code(error)}: {error}")
        waiter = self.rekognition.get_waiter("stream_processor_running")
        try:
            waiter.wait(Name=self.name, WaiterConfig=_PATIENCE)
        except WaiterError:
            found = self.rekognition.find_processor(self.name)
            status, message = (found.status, found.message) if found else ("gone", "")
            return Seen("no" if status == "FAILED" else "unknown", message or f"the processor is {status}")
        return Seen("yes")

    def sweep(self) -> tuple[str, ...]:
        """Remove what killed preflights left in the Region; return what couldn't be removed."""
        for name in sorted(self._abandoned()):
            self.log.warning("Removing %s, which a killed preflight left in %s", name, self.region)
            self.remove(name)
        return tuple(sorted(self._abandoned()))

    def remove(self, name: str) -> None:
        """Remove everything of one preflight, each for itself; what is gone already is fine."""
        removals = (
            self._remove_processor,
            self._remove_video,
            self._remove_records,
            self._remove_collection,
        )
        for remove in removals:
            try:
                remove(name)
            except (BotoCoreError, ClientError) as error:
                # The others are removed all the same; the next preflight's sweep finds what stays.
                self.log.warning("Could not remove %s of %s: %s", name, self.region, error)

    def _remove_processor(self, name: str) -> None:
        self.rekognition.delete_processor(name)

    def _remove_video(self, name: str) -> None:
        stream = self.video.find_stream(name)
        if stream is not None:
            if stream.status != "DELETING":
                self.video.client.delete_stream(StreamARN=stream.arn)
            self.video.get_waiter("stream_deleted").wait(StreamName=name, WaiterConfig=_PATIENCE)

    def _remove_records(self, name: str) -> None:
        self.records.delete_stream(_records(name))
        waiter = self.records.client.get_waiter("stream_not_exists")
        waiter.wait(StreamName=_records(name), WaiterConfig=_PATIENCE)

    def _remove_collection(self, name: str) -> None:
        try:
            self.rekognition.client.delete_collection(CollectionId=name)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise

    def _abandoned(self) -> set[str]:
        """Name the preflights that began long ago, and those whose tag doesn't say when."""
        limit = datetime.now(UTC) - ABANDONED
        return {name for name, tags in self._preflights() if _began(tags) < limit}

    def _preflights(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield `(name, tags)` of everything that carries a preflight's name and tag."""
        for name, arn in self.video.streams_with_prefix(PREFIX).items():
            yield from _tagged(name, self.video.tags(arn))
        for name in self.records.names_with_prefix(RECORDS_PREFIX):
            yield from _tagged(PREFIX + name.removeprefix(RECORDS_PREFIX), self.records.tags(name))
        for kind, names in (("streamprocessor", self._processors()), ("collection", self._collections())):
            for name in names:
                arn = f"arn:aws:rekognition:{self.region}:{self.account}:{kind}/{name}"
                with suppress(self.rekognition.client.exceptions.ResourceNotFoundException):
                    yield from _tagged(name, self.rekognition.tags(arn))

    def _processors(self) -> list[str]:
        return [name for name in self.rekognition.processor_statuses() if name.startswith(PREFIX)]

    def _collections(self) -> list[str]:
        found = pages(self.rekognition.client, "list_collections", "CollectionIds")
        return [name for name in found if name.startswith(PREFIX)]


def _records(name: str) -> str:
    return RECORDS_PREFIX + name.removeprefix(PREFIX)


def _tagged(name: str, tags: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    if TAG_PREFLIGHT in tags:
        yield name, tags


def _began(tags: dict[str, str]) -> datetime:
    return datetime.fromisoformat(tags[TAG_AT]) if TAG_AT in tags else datetime.min.replace(tzinfo=UTC)
