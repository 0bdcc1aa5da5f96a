"""Run an office's frame-search worker: `python -m gatehouse_frames --help`."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from threading import Event, Thread

import boto3
from botocore.config import Config

from gatehouse_frames.analysis.calls import Rekognition
from gatehouse_frames.analysis.complaints import Complaints
from gatehouse_frames.analysis.desk import Desk
from gatehouse_frames.analysis.writer import RecordWriter
from gatehouse_frames.health import health_page, health_server
from gatehouse_frames.media.source import VideoSource
from gatehouse_frames.metrics import FramesCollector, render
from gatehouse_frames.office.documents import OfficeDocuments
from gatehouse_frames.office.worker import Engine, OfficeWorker

log = logging.getLogger("gatehouse_frames")

_EXAMPLE = """\
example:
  python -m gatehouse_frames --office berlin --region eu-central-1 \\
      --bucket gatehouse-123456789012-eu-central-1 --health-port 8080

The worker analyses the cameras of s3://BUCKET/frames/OFFICE/desired.json with Rekognition's image API and
writes what it sees to observed.json beside it. AWS credentials and AWS_ENDPOINT_URL come from the
environment, as for any SDK. SIGTERM drains; what is left then, or after a kill, the next start does.
"""


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m gatehouse_frames",
        description="Search faces in sampled frames of an office's Kinesis Video streams.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--office", required=True, help="office name, as in config/offices/")
    parser.add_argument("--bucket", required=True, help="the Region's bucket, as in config/regions.yaml")
    parser.add_argument("--region", required=True, help="AWS Region of bucket, streams and collection")
    parser.add_argument("--health-port", type=int, default=8080, help="port of /healthz and /metrics (8080)")
    parser.add_argument("--health-host", default="127.0.0.1", help="address of these (127.0.0.1)")
    parser.add_argument("--analysts", type=int, default=8, help="frames analysed side by side (8)")
    parser.add_argument("--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    return parser.parse_args(argv)


def assemble(options: argparse.Namespace) -> tuple[OfficeWorker, Engine]:
    """Build the worker and its parts; nothing is asked of AWS yet."""
    session = boto3.Session(region_name=options.region)
    # The parts repeat calls themselves: a retry, too, counts against the quota.
    once = Config(
        connect_timeout=3,
        read_timeout=20,
        retries={"total_max_attempts": 1},
        max_pool_connections=max(10, options.analysts),
    )
    complaints, abandon = Complaints(), Event()
    engine = Engine(
        source=VideoSource(session),
        desk=Desk(),
        rekognition=Rekognition(session.client("rekognition", config=once), abandon, complaints),
        writer=RecordWriter(session.client("kinesis", config=once), complaints),
        complaints=complaints,
        abandon=abandon,
    )
    documents = OfficeDocuments(options.office, options.bucket, session.client("s3", config=once))
    return OfficeWorker(documents, engine, options.analysts), engine


def main(argv: list[str] | None = None) -> int:
    """Run from the command line; 0 after an orderly end, 1 when the health port is taken."""
    options = arguments(argv)
    logging.basicConfig(
        level=options.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    for chatty in ("botocore", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    worker, engine = assemble(options)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stopping.set())
    collector = FramesCollector(lambda: worker.cameras, lambda: engine.rekognition.gauges)
    try:
        server = health_server(
            (options.health_host, options.health_port),
            lambda: health_page(options.office, worker, engine.complaints),
            lambda: render(collector),
        )
    except OSError as error:
        log.error("can't serve health on port %d (%s): choose another", options.health_port, error.strerror)  # noqa: TRY400
        return 1
    Thread(target=server.serve_forever, name="health", daemon=True).start()
    log.info("office %s: health on %s:%d", options.office, options.health_host, server.server_port)
    worker.run()
    server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
