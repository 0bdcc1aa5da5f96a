"""Run one processor from Start to Stop: starting, reading, analysing, publishing, failing."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gatehouse_local.core.errors import AwsError
from gatehouse_local.engine.errors import EngineClosedError
from gatehouse_local.kinesisvideo.ebml import EbmlError
from gatehouse_local.kinesisvideo.media import MediaError
from gatehouse_local.processors import conditions
from gatehouse_local.processors.conditions import UndecidedError
from gatehouse_local.processors.frames import FragmentUndecodableError, open_clip
from gatehouse_local.processors.processor import Status
from gatehouse_local.processors.publisher import Publisher, StreamDeniedError, StreamMissingError
from gatehouse_local.processors.record import analysis_record
from gatehouse_local.processors.sampling import Sampler
from gatehouse_local.processors.video import Video

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatehouse_local.core.clients import Clients
    from gatehouse_local.kinesisvideo.media import Fragment
    from gatehouse_local.processors.analyst import Analyst
    from gatehouse_local.processors.conditions import Conditions
    from gatehouse_local.processors.frames import Clip
    from gatehouse_local.processors.processor import Processor
    from gatehouse_local.processors.registry import Registry
    from gatehouse_local.processors.settings import Settings

log = logging.getLogger(__name__)
UNDECIDED_SECONDS = 1.0  # until a start's conditions are asked about again


class FailedError(Exception):
    """End a session as FAILED, with AWS's StatusMessage."""


class Session:
    """One thread that works for one processor.

    `stop` ends it; whether that makes the processor STOPPED or only pauses it until the front door
    is back is the caller's to say, by `final`.
    """

    def __init__(
        self,
        processor: Processor,
        registry: Registry,
        conditions: Conditions,
        analyst: Analyst,
        clients: Clients,
        clock: Callable[[], float],
        settings: Settings,
    ) -> None:
        self.processor = processor
        self._registry, self._conditions, self._analyst = registry, conditions, analyst
        self._clock, self._settings = clock, settings
        self._stop = threading.Event()
        self._final = False
        self._failure = ""
        self._lagging = 0
        self._sampler = Sampler(settings.fps)
        self._video = Video(clients, processor)
        self._publisher = Publisher(clients, processor, self._stop)
        self._thread = threading.Thread(target=self._run, daemon=True, name="stream-processor")

    def start(self) -> None:
        """Begin in STARTING, or where the processor was when the front door went down."""
        self._thread.start()

    def stop(self, *, final: bool) -> None:
        """Ask the thread to end; `final` makes the processor STOPPED."""
        self._final = final
        self._stop.set()
        self._video.interrupt()

    def join(self, timeout: float) -> None:
        """Wait for the thread."""
        self._thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Tell whether the thread still runs."""
        return self._thread.is_alive()

    def check(self) -> None:
        """Look whether the processor may go on, and end it as FAILED if not; for the supervisor."""
        try:
            problem = self._conditions.to_go_on(self.processor)
        except UndecidedError as error:
            log.warning("processor %s: %s", self.processor.name, error)
            return
        if problem:
            self._failure = problem
            self._stop.set()
            self._video.interrupt()

    def _run(self) -> None:
        try:
            self._begin()
            self._follow()
        except FailedError as error:
            self._failure = str(error)
        except EngineClosedError:
            log.info("processor %s ends with the face engine", self.processor.name)
            return
        except Exception:  # a defect of ours must show: a dead thread would leave the processor RUNNING
            log.exception("processor %s broke", self.processor.name)
            if self._stop.is_set() and not self._final:
                return
            self._failure = conditions.BROKEN
        self._end()

    def _begin(self) -> None:
        if self.processor.status is not Status.RUNNING:
            self._stop.wait(self._settings.start_seconds)
        problem = self._ask()
        if problem:
            raise FailedError(problem)
        if not self._stop.is_set():
            self._registry.move(self.processor, Status.RUNNING)
            log.info("processor %s is RUNNING", self.processor.name)

    def _ask(self) -> str | None:
        """Check the start's conditions, until they can be decided."""
        while not self._stop.is_set():
            try:
                return self._conditions.to_start(self.processor)
            except UndecidedError as error:
                log.warning("processor %s waits in STARTING: %s", self.processor.name, error)
                self._stop.wait(UNDECIDED_SECONDS)
        return None

    def _end(self) -> None:
        if self._failure:
            log.warning("processor %s FAILED: %s", self.processor.name, self._failure)
            self._registry.move(self.processor, Status.FAILED, self._failure)
        elif self._final:
            threading.Event().wait(self._settings.stop_seconds)
            self._registry.move(self.processor, Status.STOPPED)

    def _follow(self) -> None:
        """Read the video, connecting again whenever the connection ends."""
        pause = self._settings.reconnect_seconds
        while not self._stop.is_set():
            try:
                for fragment in self._video.fragments():
                    pause = self._settings.reconnect_seconds
                    self._analyse(fragment)
                    if self._stop.is_set():
                        return
            except ClientError as error:
                if error.response["Error"]["Code"] == "ResourceNotFoundException":
                    raise FailedError(conditions.no_video_stream(self.processor)) from error
                self._note_disconnect(error)
            except (BotoCoreError, MediaError, EbmlError, OSError) as error:
                self._note_disconnect(error)
            self._stop.wait(pause)
            pause = min(self._settings.reconnect_cap_seconds, pause * 2)

    def _note_disconnect(self, error: Exception) -> None:
        if not self._stop.is_set():
            log.info("processor %s lost its video and connects again: %s", self.processor.name, error)

    def _analyse(self, fragment: Fragment) -> None:
        try:
            with open_clip(fragment) as clip:
                self._analyse_frames(fragment, clip)
        except FragmentUndecodableError as error:
            log.warning("processor %s: %s", self.processor.name, error)
        except AwsError as error:
            raise FailedError(conditions.NO_COLLECTION) from error
        except StreamMissingError as error:
            raise FailedError(conditions.no_data_stream(self.processor)) from error
        except StreamDeniedError as error:
            raise FailedError(conditions.NO_DATA) from error

    def _analyse_frames(self, fragment: Fragment, clip: Clip) -> None:
        """Publish a record per sampled frame, unless the fragment's end is already too long ago."""
        complete_at = fragment.server_timestamp + clip.span
        if self._is_late(complete_at):
            return
        for frame in clip.frames(self._sampler):
            if self._stop.is_set() or self._is_late(complete_at):
                return
            faces = self._analyst.analyse(self.processor, frame.pixels)
            self._publisher.put(analysis_record(self.processor.video_arn, fragment, frame.offset, faces))

    def _is_late(self, complete_at: float) -> bool:
        """Tell whether a fragment was complete so long ago that its frames are to be skipped."""
        behind = self._clock() - complete_at
        late = behind > self._settings.max_lag_seconds
        if late:
            self._lagging += 1
            if self._lagging == 1:
                log.warning(
                    "processor %s is %.1f s behind: it skips frames until it has caught up",
                    self.processor.name,
                    behind,
                )
        elif self._lagging:
            log.warning("processor %s caught up; %d times it skipped", self.processor.name, self._lagging)
            self._lagging = 0
        return late
