"""Wait until an office's proxy or worker has done what its document says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import tenacity
from airflow.sdk import BaseHook

from gatehouse.exceptions import PlanError
from gatehouse.office import naming
from gatehouse.office.edge import EdgeDesired, EdgeObserved
from gatehouse.office.frames import FramesDesired, FramesObserved
from gatehouse.rollout.decommission_documents import obeys

if TYPE_CHECKING:
    from gatehouse.rollout.decommission_documents import Obeys
    from gatehouse_provider.hooks.office import OfficeHook


class ObedienceHook(BaseHook):
    """Compare what is told with what is reported; who reports nothing isn't waited for.

    :param office: reaches the office's documents.
    :param timeout_seconds: how long they may take.
    """

    def __init__(self, office: OfficeHook, timeout_seconds: float = 60) -> None:
        super().__init__()
        self.office = office
        self.timeout_seconds = timeout_seconds

    def wait_for_proxy(self) -> None:
        """Wait for the edge proxy; raises PlanError if it reports, and doesn't obey in time."""
        name = self.office.desired.office
        told, report = naming.edge_desired_key(name), naming.edge_observed_key(name)
        self._wait("proxy", told, EdgeDesired, report, EdgeObserved)

    def wait_for_worker(self) -> None:
        """Wait for the frame-search worker; raises PlanError if it reports, and doesn't obey in time."""
        name = self.office.desired.office
        told, report = naming.frames_desired_key(name), naming.frames_observed_key(name)
        self._wait("frame-search worker", told, FramesDesired, report, FramesObserved)

    def _wait(self, who: str, told_key: str, told: Any, report_key: str, report: Any) -> None:
        def look() -> Obeys:
            documents, bucket = self.office.documents, self.office.desired.bucket
            wanted, _ = documents.read(bucket, told_key, told)
            observed, _ = documents.read(bucket, report_key, report)
            return obeys(wanted, observed, datetime.now(UTC))

        found = tenacity.Retrying(
            retry=tenacity.retry_if_result(lambda seen: seen == "not yet"),
            wait=tenacity.wait_fixed(1),
            stop=tenacity.stop_after_delay(self.timeout_seconds),
            retry_error_callback=lambda state: "not yet",
        )(look)
        if found == "not yet":
            msg = (
                f"The {who} of {self.office.desired.office} reports, and doesn't do what {told_key} says; "
                f"nothing after that was removed. See its log, or stop it, and clear this task"
            )
            raise PlanError(msg)
