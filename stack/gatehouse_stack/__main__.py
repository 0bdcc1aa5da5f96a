"""Run one command of the local stack: `python -m gatehouse_stack up`."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys

from gatehouse_stack import lifecycle
from gatehouse_stack.airflow_api import AirflowApi, AirflowError
from gatehouse_stack.layout import Layout


def main(words: list[str] | None = None) -> int:
    """Parse the command line, run the command, return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m gatehouse_stack",
        description="Run the whole platform on this machine. The Makefile's targets call this.",
        epilog="example: GATEHOUSE_PORT_BASE=25100 python -m gatehouse_stack up",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start everything, wait until it is ready")
    up.add_argument("--empty", action="store_true", help="forget the last run's cloud, ledger and index")
    up.add_argument("--only", nargs="*", default=[], metavar="PART", help="start these parts alone")
    commands.add_parser("down", help="stop everything")
    commands.add_parser("status", help="show how every part stands")
    commands.add_parser(
        "foundation", help="create what every Region needs once, and upload the sample company"
    )
    supervise = commands.add_parser("supervise", help="run in the foreground (what `up` starts)")
    supervise.add_argument("--only", nargs="*", default=[], metavar="PART", help="run these parts alone")
    run = commands.add_parser("run", help="run one DAG and wait for it")
    run.add_argument("dag", help="e.g. office_rollout")
    run.add_argument("--conf", type=json.loads, default={}, help="""e.g. --conf '{"offices": ["berlin"]}'""")
    demo = commands.add_parser("demo", help="roll the sample company out and judge what was seen")
    demo.add_argument("--offices", nargs="*", default=[], help="only these offices, e.g. --offices berlin")
    options = parser.parse_args(words)
    layout = Layout.from_environment()
    _settle_environment()
    try:
        return _run(options, layout)
    except (lifecycle.StackError, AirflowError, TimeoutError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _run(options: argparse.Namespace, layout: Layout) -> int:
    if options.command == "supervise":
        return _supervise(layout, options.only)
    if options.command == "demo":
        from gatehouse_stack.demo.drive import demo

        return demo(layout, options.offices)
    if options.command == "run":
        from rich.console import Console

        from gatehouse_stack import dag_run

        dag_run.run(layout, AirflowApi(layout), Console(), options.dag, options.conf, seconds=900)
        return 0
    if options.command == "foundation":
        from gatehouse_stack import foundation

        foundation.make(layout)
        return 0
    if options.command == "status":
        return lifecycle.show_status(layout)
    if options.command == "up":
        lifecycle.up(layout, empty=options.empty, only=options.only)
    else:
        lifecycle.down(layout)
    return 0


def _settle_environment() -> None:
    """Forget a person's own AWS settings and proxies: everything here is on loopback."""
    for name in list(os.environ):
        if name in ("AWS_PROFILE", "AWS_SESSION_TOKEN") or name.startswith("AWS_ENDPOINT_URL_"):
            del os.environ[name]
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    # OpenSearch and Postgres may run under another account, which has to read what is made here.
    os.umask(0o022)


def _supervise(layout: Layout, only: list[str]) -> int:
    from gatehouse_stack import parts
    from gatehouse_stack.supervisor import Supervisor

    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    supervisor = Supervisor(parts.build(layout, only), layout.run, parts.environment(layout))
    asyncio.run(supervisor.run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
