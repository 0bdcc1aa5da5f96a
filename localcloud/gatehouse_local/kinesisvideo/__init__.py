"""Serve Kinesis Video Streams: control, live media and the archive.

Absent: signaling channels (WebRTC), edge agents, image generation and notification configurations,
HLS, DASH and clips.
"""

from __future__ import annotations

from starlette.routing import Route

from gatehouse_local.core.runtime import Runtime
from gatehouse_local.core.service import Service
from gatehouse_local.kinesisvideo.archive import Archive
from gatehouse_local.kinesisvideo.control import Control
from gatehouse_local.kinesisvideo.get_media import GetMedia, Library
from gatehouse_local.kinesisvideo.images import Images
from gatehouse_local.kinesisvideo.listing import Listing, Retained
from gatehouse_local.kinesisvideo.live import Connections, Feed
from gatehouse_local.kinesisvideo.put_media import PutMedia, Recorder
from gatehouse_local.kinesisvideo.retention import Retention, Sweeper
from gatehouse_local.kinesisvideo.settings import Settings
from gatehouse_local.kinesisvideo.streams import Stream, Streams

_RESOURCE_TAGS = "AWS documents it for signaling channels, which are absent; here it takes streams"


def build(runtime: Runtime) -> list[Service]:
    """Build the three services of Kinesis Video over one set of streams and one archive."""
    settings = Settings.read(runtime.config)
    streams = Streams(runtime, settings)
    archive = Archive(runtime.state_dir / "kinesisvideo")
    archive.reconcile(stream.folder for stream in streams.all())
    feed, connections = Feed(), Connections(runtime.quotas)
    retention = Retention(archive, settings, runtime.clock)
    sweeper = Sweeper(streams, retention, settings.sweep_s)

    def forget(stream: Stream) -> None:
        archive.forget(stream.arn, stream.folder)
        feed.announce(stream.arn)

    def start() -> None:
        connections.open()
        sweeper.start()

    def stop() -> None:
        connections.close()
        sweeper.stop()

    streams.on_delete.append(forget)
    recorder = Recorder(streams, archive, retention, feed)
    library = Library(streams, archive, retention, feed, runtime.faults)
    put_media = PutMedia(recorder, connections, settings, runtime.clock)
    get_media = GetMedia(library, connections, settings)
    retained = Retained(streams, archive, retention, runtime.quotas)
    listing, images = Listing(retained, connections), Images(retained)
    return [
        Service(
            model="kinesisvideo",
            operations=Control(streams, runtime.clock).operations(),
            routes=[Route("/putMedia", put_media.serve, methods=["POST"], name="PutMedia")],
            start=start,
            stop=stop,
            partial={
                "PutMedia": "a fragment under 0.9 s is refused without an ErrorId unless it is the last; "
                "no KMS errors; disk is bounded by `max_stream_bytes`",
                **dict.fromkeys(("TagResource", "UntagResource", "ListTagsForResource"), _RESOURCE_TAGS),
                "CreateStream": "KMS keys and device names are noted, not checked",
            },
        ),
        Service(
            model="kinesis-video-media",
            operations={},
            routes=[Route("/getMedia", get_media.serve, methods=["POST"], name="GetMedia")],
            partial={"GetMedia": "a fragment is handed on when it is whole, not while it comes in"},
        ),
        Service(
            model="kinesis-video-archived-media",
            operations={
                "ListFragments": listing.list_fragments,
                "GetMediaForFragmentList": listing.get_media_for_fragment_list,
                "GetImages": images.get_images,
            },
            partial={
                "ListFragments": "refuses a stream without retention with NoDataRetentionException",
                "GetImages": "TimeStamp is the frame's own time",
            },
        ),
    ]
