"""Run an office's proxy: `python -m gatehouse_edge --help`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

import aiohttp
from aiohttp import web

from gatehouse_edge.errors import UplinkError
from gatehouse_edge.office.camera import CameraTimes, Surroundings
from gatehouse_edge.office.cloud import OfficeCloud
from gatehouse_edge.office.health import health_app
from gatehouse_edge.office.proxy import OfficeProxy
from gatehouse_edge.office.source import SourceTimes
from gatehouse_edge.office.targets import TargetCache
from gatehouse_edge.uplink.endpoints import EndpointCache
from gatehouse_edge.uplink.outbox import OutboxLimits
from gatehouse_edge.uplink.putmedia import PutMediaConnection, signed_request
from gatehouse_edge.uplink.sender import SenderTimes

log = logging.getLogger("gatehouse_edge")

_EXAMPLE = """\
example:
  python -m gatehouse_edge --office berlin --region eu-central-1 \\
      --bucket gatehouse-123456789012-eu-central-1 --health-port 8080 --spool /var/spool/gatehouse

The proxy carries the cameras of s3://BUCKET/edge/OFFICE/desired.json into their Kinesis Video streams and
writes what it sees to observed.json beside it. AWS credentials and AWS_ENDPOINT_URL come from the
environment, as for any SDK. SIGTERM drains: what can't be delivered in time is spooled and sent next time.
"""


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m gatehouse_edge",
        description="Carry an office's RTSP cameras into Kinesis Video.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--office", required=True, help="office name, as in config/offices/")
    parser.add_argument("--bucket", required=True, help="the Region's bucket, as in config/regions.yaml")
    parser.add_argument("--region", required=True, help="AWS Region of bucket, secrets and streams")
    parser.add_argument("--health-port", type=int, default=8080, help="port of /healthz and /metrics (8080)")
    parser.add_argument("--health-host", default="127.0.0.1", help="address of these (127.0.0.1)")
    parser.add_argument("--spool", type=Path, required=True, help="directory for what can't be sent now")
    parser.add_argument("--spool-mb", type=int, default=512, help="bound of the spool per camera in MB (512)")
    parser.add_argument(
        "--rotate-minutes",
        type=float,
        default=40.0,
        help="age of a PutMedia connection (40; AWS: 45)",
    )
    parser.add_argument(
        "--clock-tolerance",
        type=float,
        default=60.0,
        help="seconds a camera's clock may be off before arrival time is used instead (60)",
    )
    parser.add_argument("--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    return parser.parse_args(argv)


async def serve(options: argparse.Namespace) -> None:
    """Run the proxy and its health pages until SIGTERM or SIGINT."""
    cloud = OfficeCloud.connect(options.office, options.bucket, options.region)
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
        proxy = OfficeProxy(cloud, _surroundings(cloud, http, options))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, proxy.stopping.set)
        runner = web.AppRunner(health_app(options.office, proxy), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, options.health_host, options.health_port).start()
        log.info("office %s: health on %s:%d", options.office, options.health_host, options.health_port)
        try:
            await proxy.run()
        finally:
            await runner.cleanup()


def _surroundings(
    cloud: OfficeCloud, http: aiohttp.ClientSession, options: argparse.Namespace
) -> Surroundings:
    endpoints = EndpointCache(cloud.put_media_endpoint)

    async def connect(stream_name: str, first: bytes) -> PutMediaConnection:
        endpoint = await endpoints.get(stream_name)
        credentials = await asyncio.to_thread(cloud.credentials)
        request = signed_request(endpoint, stream_name, cloud.region, credentials)
        connection = PutMediaConnection(http, request)
        try:
            await connection.open(first)
        except UplinkError:
            endpoints.forget(stream_name)
            connection.close()
            raise
        return connection

    async def stored(stream_name: str, from_ms: int, to_ms: int) -> set[int]:
        return await asyncio.to_thread(cloud.stored_fragments, stream_name, from_ms, to_ms)

    return Surroundings(
        target=TargetCache(cloud.secret).get,
        connect=connect,
        stored=stored,
        fetch=cloud.clip,
        spool=options.spool,
        outbox=OutboxLimits(disk_bytes=options.spool_mb << 20),
        times=CameraTimes(
            source=SourceTimes(clock_tolerance_s=options.clock_tolerance),
            sender=SenderTimes(rotate_s=options.rotate_minutes * 60),
        ),
    )


def main() -> int:
    """Run from the command line; 0 after an orderly end, 1 when the health port is taken."""
    options = arguments()
    logging.basicConfig(
        level=options.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("botocore").setLevel(logging.WARNING)
    try:
        asyncio.run(serve(options))
    except OSError as error:
        log.error("can't serve health on port %d (%s): choose another", options.health_port, error.strerror)  # noqa: TRY400
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
