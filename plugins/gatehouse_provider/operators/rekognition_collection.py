"""Create and delete single Rekognition face collections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk.exceptions import AirflowFailException

from gatehouse_provider.hooks.rekognition import RekognitionHook
from gatehouse_provider.links.rekognition import RekognitionConsoleLink

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context


class RekognitionCreateCollectionOperator(AwsBaseOperator[RekognitionHook]):
    """
    Create an empty face collection; one that exists is taken as it is.

    :param collection_id: name of the collection. (templated)
    :param tags: tags of the collection.
    """

    aws_hook_class = RekognitionHook
    template_fields: Sequence[str] = aws_template_fields("collection_id")
    operator_extra_links = (RekognitionConsoleLink(),)

    def __init__(self, *, collection_id: str, tags: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.collection_id = collection_id
        self.tags = dict(tags or {})

    def execute(self, context: Context) -> str:
        """Create the collection and return its name."""
        RekognitionConsoleLink.persist(
            context=context,
            operator=self,
            region_name=self.hook.conn_region_name,
            aws_partition=self.hook.conn_partition,
        )
        self.hook.create_collection(self.collection_id, self.tags)
        return self.collection_id


class RekognitionDeleteCollectionOperator(AwsBaseOperator[RekognitionHook]):
    """
    Delete a face collection; one that is gone already is fine.

    :param collection_id: name of the collection. (templated)
    :param with_faces: whether to delete one that holds faces, too: nothing brings them back.
    """

    aws_hook_class = RekognitionHook
    template_fields: Sequence[str] = aws_template_fields("collection_id")

    def __init__(self, *, collection_id: str, with_faces: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.collection_id = collection_id
        self.with_faces = with_faces

    def execute(self, context: Context) -> None:
        """Delete the collection, unless it holds faces that shall be kept."""
        if not self.with_faces and (count := len(self.hook.faces(self.collection_id))):
            msg = (
                f"Collection {self.collection_id} holds {count} faces; nothing was deleted. Delete them "
                "first, or set with_faces"
            )
            raise AirflowFailException(msg)
        self.hook.delete_collection(self.collection_id)
