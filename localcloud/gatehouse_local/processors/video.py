"""Follow a video stream with GetMedia: fragments as they come, over one interruptible connection."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from gatehouse_local.kinesisvideo.media import FragmentReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatehouse_local.core.clients import Clients
    from gatehouse_local.kinesisvideo.media import Fragment
    from gatehouse_local.processors.processor import Processor

NOW = {"StartSelectorType": "NOW"}


class Video:
    """Read one processor's video. `fragments` blocks; `interrupt` ends it from another thread."""

    def __init__(self, clients: Clients, processor: Processor) -> None:
        self._clients = clients
        self._processor = processor
        self._lock = threading.Lock()
        self._body: Any = None
        self._interrupted = False

    def fragments(self) -> Iterator[Fragment]:
        """Yield fragments from now on until the connection ends; botocore's errors pass through."""
        body = self._connect()
        with self._lock:
            self._body = body
            interrupted = self._interrupted
        try:
            if not interrupted:
                yield from FragmentReader(body)
        finally:
            with self._lock:
                self._body = None
            body.close()

    def interrupt(self) -> None:
        """End the current connection and let no other begin."""
        with self._lock:
            self._interrupted = True
            if self._body is not None:
                # botocore has no way to wake a blocked read; urllib3's response underneath has.
                self._body._raw_stream.shutdown()

    def _connect(self) -> Any:
        account, region = self._processor.account, self._processor.region
        control = self._clients.of("kinesisvideo", account, region)
        arn = self._processor.video_arn
        endpoint = control.get_data_endpoint(StreamARN=arn, APIName="GET_MEDIA")["DataEndpoint"]
        media = self._clients.of("kinesis-video-media", account, region, endpoint)
        return media.get_media(StreamARN=arn, StartSelector=NOW)["Payload"]
