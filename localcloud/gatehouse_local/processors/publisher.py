"""Put records on a data stream in order, for as long as it takes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    import threading

    from gatehouse_local.core.clients import Clients
    from gatehouse_local.processors.processor import Processor

log = logging.getLogger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # seconds between tries
_DENIED = ("AccessDeniedException", "UnrecognizedClientException")


class StreamMissingError(Exception):
    """Raise when the data stream is not there any more."""


class StreamDeniedError(Exception):
    """Raise when the data stream takes no records of ours."""


class Publisher:
    """Write one processor's records, all under its name as partition key, so that they keep their order."""

    def __init__(self, clients: Clients, processor: Processor, stop: threading.Event) -> None:
        self._kinesis = clients.of("kinesis", processor.account, processor.region)
        self._stream = processor.data_name
        self._key = processor.name
        self._stop = stop

    def put(self, record: bytes) -> bool:
        """Put a record, trying until it is taken; False when told to stop first.

        :raises StreamMissingError, StreamDeniedError: trying on would change nothing
        """
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            problem = self._try(record)
            if problem is None:
                return True
            if pause == FIRST_PAUSE:
                log.warning("stream %s takes no record, trying on: %s", self._stream, problem)
            self._stop.wait(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
        return False

    def _try(self, record: bytes) -> Any:
        try:
            self._kinesis.put_record(StreamName=self._stream, Data=record, PartitionKey=self._key)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ResourceNotFoundException":
                raise StreamMissingError(self._stream) from error
            if code in _DENIED:
                raise StreamDeniedError(self._stream) from error
            return error
        except BotoCoreError as error:
            return error
        return None
