"""Run the local cloud: `python -m gatehouse_local --help`."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from gatehouse_local.app import ConfigFileError, Options, run
from gatehouse_local.core.quotas import QuotaSpecError
from gatehouse_local.moto.epoch import MotoUnreachableError

_EXAMPLE = """\
example:
  python -m gatehouse_local.moto.server --port 24101 --snapshot .run/moto.snapshot &
  python -m gatehouse_local --port 24100 --state .run/state --moto-endpoint http://127.0.0.1:24101

  export AWS_ENDPOINT_URL=http://127.0.0.1:24100 AWS_DEFAULT_REGION=eu-central-1
  export AWS_ACCESS_KEY_ID=123456789012 AWS_SECRET_ACCESS_KEY=local
  aws rekognition create-collection --collection-id lobby
  curl -s $AWS_ENDPOINT_URL/_gatehouse/health

--config is YAML, for example `quotas: {rekognition: {IndexFaces: 50, FaceSearchProcessorsRunning: 3}}`.
With `control_plane_only: true` in it, resources are kept and change state in their time, but no video is
read, no face looked at (IndexFaces and its like are refused) and no shard polled.
State and the call log (calls.jsonl) are kept in --state. State survives a restart together with
moto's, or both are reset; the log and /_gatehouse/health say so.
"""


def options_of(argv: list[str]) -> tuple[Options, str]:
    """Read the command line into options and the log level."""
    parser = argparse.ArgumentParser(
        prog="python -m gatehouse_local",
        description="AWS on this machine: Rekognition, Kinesis Video and Lambda; the rest by moto_server.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=24100, help="port to listen on; 0 takes a free one")
    parser.add_argument("--state", type=Path, required=True, help="folder that keeps all state")
    parser.add_argument("--moto-endpoint", required=True, help="where moto_server answers")
    parser.add_argument("--config", type=Path, help="YAML file: quotas, and settings of the services")
    parser.add_argument("--seed", type=int, help="make the faults' rates repeatable")
    parser.add_argument("--moto-wait", type=float, default=60, help="seconds to wait for moto_server")
    parser.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    args = parser.parse_args(argv)
    options = Options(
        args.port, args.state, args.moto_endpoint, args.config, args.seed, args.moto_wait, args.host
    )
    return options, args.log_level


def main(argv: list[str] | None = None) -> int:
    """Run until told to stop; return the exit code."""
    options, level = options_of(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        run(options)
    except (ConfigFileError, QuotaSpecError, MotoUnreachableError, OSError) as error:
        logging.getLogger("gatehouse_local").error("not started: %s", error)  # noqa: TRY400
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
