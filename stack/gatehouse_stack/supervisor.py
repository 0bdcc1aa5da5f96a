"""Start a graph in order, wait on health, restart what dies, stop everything on SIGTERM.

Every service gets a session of its own, so its whole process group can be stopped. A service whose
name stands as a file in `<run>/hold/` is not restarted until the file goes: that is how a fault test
keeps one down. Logs are kept from growing without end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from gatehouse_stack import log_files, status
from gatehouse_stack.graph import Graph, Job, Service
from gatehouse_stack.status import NodeStatus, Phase

log = logging.getLogger(__name__)

POLL_SECONDS = 0.25
MAX_BACKOFF_SECONDS = 15.0
LOG_CHECK_SECONDS = 10.0


class Supervisor:
    """Run one graph until told to stop."""

    def __init__(self, graph: Graph, run: Path, environment: Mapping[str, str]) -> None:
        self.graph = graph
        self.run_dir = run
        self.environment = dict(environment)
        self.stopping = asyncio.Event()
        self.status = status.of_this_process()
        self.reached = {name: asyncio.Event() for name in graph.nodes}
        self.processes: dict[str, asyncio.subprocess.Process] = {}
        for name, node in graph.nodes.items():
            self.status.nodes[name] = NodeStatus(node.title, isinstance(node, Service), since=time.time())

    async def run(self) -> None:
        """Bring the graph up and keep it up until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self.stopping.set)
        self._save()
        tasks = [asyncio.create_task(self._keep(node), name=name) for name, node in self.graph.nodes.items()]
        tasks.append(asyncio.create_task(self._bound_logs(), name="logs"))
        await self.stopping.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._stop_all()

    async def _keep(self, node: Job | Service) -> None:
        for name in node.after:
            await self.reached[name].wait()
        try:
            if isinstance(node, Job):
                await self._do(node)
            else:
                await self._serve(node)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("%s failed", node.name)
            self._enter(node.name, "failed", detail=str(error))

    async def _do(self, job: Job) -> None:
        self._enter(job.name, "starting")
        await asyncio.to_thread(job.run)
        self._enter(job.name, "done")
        self.reached[job.name].set()

    async def _serve(self, service: Service) -> None:
        backoff = 0.5
        while True:
            await self._wait_while_held(service)
            process = await self._spawn(service)
            born = time.monotonic()
            if await self._await_ready(service, process):
                self.reached[service.name].set()
                await process.wait()
            log.warning("%s ended with %s", service.name, process.returncode)
            backoff = 0.5 if time.monotonic() - born > 60 else min(backoff * 2, MAX_BACKOFF_SECONDS)
            self._kill_group(process, signal.SIGKILL)
            self.status.nodes[service.name].restarts += 1
            self._enter(service.name, "restarting", detail=f"exit code {process.returncode}")
            await asyncio.sleep(backoff)

    async def _spawn(self, service: Service) -> asyncio.subprocess.Process:
        self._enter(service.name, "starting")
        uid, gid = service.account or (None, None)
        self.run_dir.joinpath("logs").mkdir(exist_ok=True)
        with (self.run_dir / "logs" / f"{service.name}.log").open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *service.command(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self.environment | dict(service.environment()),
                cwd=service.folder or self.run_dir,
                start_new_session=True,
                user=uid,
                group=gid,
                extra_groups=[] if uid is not None else None,
            )
        self.processes[service.name] = process
        self.status.nodes[service.name].pid = process.pid
        return process

    async def _await_ready(self, service: Service, process: asyncio.subprocess.Process) -> bool:
        deadline = time.monotonic() + service.ready_seconds
        reason = "not ready"
        while process.returncode is None:
            try:
                if await asyncio.to_thread(service.ready):
                    self._enter(service.name, "ready")
                    return True
            except Exception as error:  # noqa: BLE001 - whatever the probe meets, the part is not up yet
                reason = f"{type(error).__name__}: {error}"
            if time.monotonic() > deadline:
                await self._stop(service, process)  # in order: it may hold state that it has to save
                raise TimeoutError(
                    f"{service.name} was not ready within {service.ready_seconds:.0f} s ({reason}); "
                    f"see `make logs PART={service.name}`"
                )
            await asyncio.sleep(POLL_SECONDS)
        return False

    async def _wait_while_held(self, service: Service) -> None:
        hold = self.run_dir / "hold" / service.name
        while hold.exists():  # noqa: ASYNC110 - the other side is a file
            await asyncio.sleep(POLL_SECONDS)

    async def _bound_logs(self) -> None:
        while True:
            await asyncio.sleep(LOG_CHECK_SECONDS)
            try:
                await asyncio.to_thread(log_files.bound, self.run_dir / "logs")
            except OSError:
                log.exception("A log could not be shortened; it goes on growing")

    async def _stop_all(self) -> None:
        for service in reversed(self.graph.services()):
            process = self.processes.get(service.name)
            if process is not None:
                await self._stop(service, process)
            self._enter(service.name, "stopped")

    async def _stop(self, service: Service, process: asyncio.subprocess.Process) -> None:
        self._kill_group(process, service.stop_signal)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(process.wait(), service.grace_seconds)
        self._kill_group(process, signal.SIGKILL)
        await process.wait()

    def _kill_group(self, process: asyncio.subprocess.Process, signum: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signum)

    def _enter(self, name: str, phase: Phase, detail: str = "") -> None:
        node, now = self.status.nodes[name], time.time()
        if phase in ("ready", "done"):
            node.took = now - node.since
        node.phase, node.since, node.detail = phase, now, detail
        log.info("%s %s %s", name, phase, detail)
        self._save()

    def _save(self) -> None:
        status.write(self.run_dir, self.status)
