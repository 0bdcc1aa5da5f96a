"""Interact with Rekognition: face collections and stream processors."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tenacity
from botocore.exceptions import ClientError, WaiterError

from gatehouse.rollout.resources import Processor
from gatehouse_provider.hooks.base_aws import GatehouseAwsHook, error_code, pages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DELETE_AT_ONCE = 4096  # FaceIds per DeleteFaces call (aws.md §1)
STARTABLE = frozenset({"STOPPED", "FAILED"})


@dataclass(frozen=True, slots=True)
class IndexedFace:
    """Hold what IndexFaces answered: at most one face, or why there is none."""

    face_id: str | None
    model_version: str
    unindexed_reasons: tuple[str, ...]


class RekognitionHook(GatehouseAwsHook):
    """Provide a thin wrapper around `boto3.client("rekognition")`."""

    client_type = "rekognition"

    def collection_exists(self, collection_id: str) -> bool:
        """Tell whether a face collection exists."""
        try:
            self.client.describe_collection(CollectionId=collection_id)
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return False
            raise
        return True

    def create_collection(self, collection_id: str, tags: Mapping[str, str]) -> None:
        """Create a face collection; one that is already there is taken as it is."""
        try:
            self.client.create_collection(CollectionId=collection_id, Tags=dict(tags))
        except ClientError as error:
            if error_code(error) != "ResourceAlreadyExistsException":
                raise

    def delete_collection(self, collection_id: str) -> None:
        """Delete a face collection with every face in it; one that is gone already is fine."""
        try:
            self.client.delete_collection(CollectionId=collection_id)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise

    def faces(self, collection_id: str) -> dict[str, str]:
        """Return `{face id: external image id}` of a collection; empty if it doesn't exist."""
        try:
            found = pages(self.client, "list_faces", "Faces", CollectionId=collection_id)
            return {face["FaceId"]: face.get("ExternalImageId", "") for face in found}
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return {}
            raise

    def count_faces(self, image: bytes) -> int:
        """Count the faces in an image."""
        return len(self.client.detect_faces(Image={"Bytes": image})["FaceDetails"])

    def index_face(self, collection_id: str, image: bytes, external_id: str) -> IndexedFace:
        """Store an image's largest face; the same image and id again isn't stored twice (aws.md §1)."""
        answer = self.client.index_faces(
            CollectionId=collection_id,
            Image={"Bytes": image},
            ExternalImageId=external_id,
            MaxFaces=1,
            QualityFilter="AUTO",
        )
        records = answer.get("FaceRecords", [])
        reasons = {reason for face in answer.get("UnindexedFaces", []) for reason in face["Reasons"]}
        return IndexedFace(
            records[0]["Face"]["FaceId"] if records else None,
            answer.get("FaceModelVersion", ""),
            tuple(sorted(reasons)),
        )

    def delete_faces(self, collection_id: str, face_ids: Sequence[str]) -> dict[str, str]:
        """Delete faces and return `{face id: reason}` of those that are still there."""
        kept: dict[str, str] = {}
        for start in range(0, len(face_ids), DELETE_AT_ONCE):
            chunk = list(face_ids[start : start + DELETE_AT_ONCE])
            answer = self.client.delete_faces(CollectionId=collection_id, FaceIds=chunk)
            for failure in answer.get("UnsuccessfulFaceDeletions", []):
                if failure["Reasons"] != ["FACE_NOT_FOUND"]:
                    kept[failure["FaceId"]] = ", ".join(failure["Reasons"])
        return kept

    def find_processor(self, name: str) -> Processor | None:
        """Return a stream processor, or None if it doesn't exist."""
        try:
            found = self.client.describe_stream_processor(Name=name)
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return None
            raise
        search = found["Settings"].get("FaceSearch", {})
        return Processor(
            status=found["Status"],
            video_arn=found["Input"]["KinesisVideoStream"]["Arn"],
            record_arn=found["Output"].get("KinesisDataStream", {}).get("Arn", ""),
            collection=search.get("CollectionId", ""),
            threshold=search.get("FaceMatchThreshold", 80.0),
            role_arn=found["RoleArn"],
            message=found.get("StatusMessage", ""),
        )

    def create_processor(self, name: str, wanted: Processor, tags: Mapping[str, str]) -> None:
        """Create a stopped face-search processor.

        A deleted processor's name stays busy for some seconds (aws.md §2.2), so ResourceInUseException
        is retried for a while and then passed on.
        """
        for attempt in _while_name_is_busy():
            with attempt:
                self.client.create_stream_processor(
                    Name=name,
                    Input={"KinesisVideoStream": {"Arn": wanted.video_arn}},
                    Output={"KinesisDataStream": {"Arn": wanted.record_arn}},
                    Settings={
                        "FaceSearch": {
                            "CollectionId": wanted.collection,
                            "FaceMatchThreshold": wanted.threshold,
                        }
                    },
                    RoleArn=wanted.role_arn,
                    DataSharingPreference={"OptIn": False},
                    Tags=dict(tags),
                )

    def stop_processor(self, name: str) -> bool:
        """Stop a processor and wait until it is at rest; tell whether there is one."""
        found = self.find_processor(name)
        if found is not None and found.status == "STARTING":
            # It can't be stopped yet; should it end FAILED, it needn't be.
            with suppress(WaiterError):
                self.get_waiter("stream_processor_running").wait(Name=name)
            found = self.find_processor(name)
        if found is None:
            return False
        if found.status == "RUNNING":
            self.client.stop_stream_processor(Name=name)
        if found.status not in STARTABLE:
            self.get_waiter("stream_processor_stopped").wait(Name=name)
        return True

    def delete_processor(self, name: str) -> None:
        """Stop and delete a processor; one that is gone already is fine."""
        if not self.stop_processor(name):
            return
        self.client.delete_stream_processor(Name=name)
        self.get_waiter("stream_processor_deleted").wait(Name=name)

    def start_processor(self, name: str) -> bool:
        """Start a processor that isn't running, and tell whether that was necessary.

        AWS answers 200 even where the processor will end FAILED (aws.md §2.7): always wait for RUNNING.
        """
        try:
            self.client.start_stream_processor(Name=name)
        except ClientError as error:
            # "Stream Processor not available for starting": it isn't at rest.
            if error_code(error) != "ResourceInUseException":
                raise
            return False
        return True

    def processor_statuses(self) -> dict[str, str]:
        """Return `{name: status}` of every processor in the Region, by one sweep."""
        found = pages(self.client, "list_stream_processors", "StreamProcessors")
        return {processor["Name"]: processor["Status"] for processor in found}

    def tags(self, arn: str) -> dict[str, str]:
        """Return the tags of a collection or processor."""
        return dict(self.client.list_tags_for_resource(ResourceArn=arn)["Tags"])


def _while_name_is_busy() -> Iterator[Any]:
    def busy(error: BaseException) -> bool:
        return isinstance(error, ClientError) and error_code(error) == "ResourceInUseException"

    return iter(
        tenacity.Retrying(
            retry=tenacity.retry_if_exception(busy),
            wait=tenacity.wait_exponential(max=5),
            stop=tenacity.stop_after_delay(30),
            reraise=True,
        )
    )
