"""Reconcile the offices of one Region: observe, compare, heal what is safe, and class every camera."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import BotoCoreError, ClientError

from gatehouse.exceptions import LedgerError
from gatehouse.ledger.health import health_of
from gatehouse.reconcile.drift import drift_of, without_noise
from gatehouse.reconcile.policy import ReconcileSettings, load_reconcile_settings
from gatehouse.reconcile.runtime import Scene, rolled_out
from gatehouse.reconcile.sweep import observed_office, tagged, to_describe, unaccounted
from gatehouse.rollout.resources import desired_office
from gatehouse_provider.hooks.operations import OperationsHook, page_of
from gatehouse_provider.hooks.reconcile import SweepHook
from gatehouse_provider.operators.base import GatehouseOperator, final_errors, now
from gatehouse_provider.operators.mending import Mending
from gatehouse_provider.settings import OPENSEARCH_CONNECTION, config_dir

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from gatehouse.ingest.snapshot import IngestSnapshot
    from gatehouse.office.config import Company
    from gatehouse.reconcile.drift import Found
    from gatehouse.reconcile.heal import Healing
    from gatehouse.reconcile.sweep import Sweep
    from gatehouse.rollout.resources import Orphan


@dataclass(frozen=True, slots=True)
class RegionView:
    """Hold what one sweep of a Region found."""

    sweep: Sweep
    snapshot: IngestSnapshot | None
    orphans: dict[str, list[Orphan]]


class RegionReconcileOperator(GatehouseOperator):
    """
    Reconcile every office of one Region from one sweep.

    An office that can't be seen doesn't keep the others from it; the task fails at the end and names it, as
    it does where operators couldn't be told of an alarm. What is left to people is no failure: it is the
    report.

    :param region: the Region. (templated)
    :param plan_only: only show what differs and what would be healed. (templated)
    """

    template_fields: Sequence[str] = ("region", "plan_only")

    def __init__(
        self,
        *,
        region: str,
        plan_only: Any = False,
        opensearch_conn_id: str = OPENSEARCH_CONNECTION,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.region = region
        self.plan_only = plan_only
        self.opensearch_conn_id = opensearch_conn_id

    @cached_property
    def policy(self) -> ReconcileSettings:
        """Read what reconciling may do."""
        return load_reconcile_settings(config_dir())

    @cached_property
    def sweeps(self) -> SweepHook:
        """Reach the Region."""
        regions = self.reading.company.regions
        function = regions.regions[self.region].ingest_function
        return SweepHook(self.region, regions.account, function, self.aws_conn_id)

    def execute(self, context: Context) -> dict[str, Any]:
        """Reconcile office by office, and report."""
        with final_errors():
            company, _, _ = self.reading.company, self.policy, self.quotas
        view = self._view(company)
        names = [name for name, office in sorted(company.offices.items()) if office.region == self.region]
        offices: dict[str, Any] = {}
        failed: list[str] = []
        for name in names:
            try:
                offices[name] = self._office(company, name, view, context)
            except (BotoCoreError, ClientError, LedgerError) as error:
                failed.append(f"office {name}: {type(error).__name__}: {error}")
        strays = {office: len(found) for office, found in view.orphans.items() if office not in names}
        for office, count in strays.items():
            self.log.warning("%d resources here carry the tag of office %s, which isn't here", count, office)
        if not self.plan_only and (untold := self._tell(company)):
            failed.append(untold)
        if failed:
            raise AirflowFailException("Not everything could be reconciled and told:\n" + "\n".join(failed))
        return {"region": self.region, "offices": offices, "strays": strays}

    def _view(self, company: Company) -> RegionView:
        sweep = self.sweeps.sweep()
        unknown = unaccounted([desired_office(company, name) for name in company.offices], sweep)
        bucket = company.regions.regions[self.region].bucket
        orphans = tagged(unknown, self.sweeps.tags(unknown, sweep))
        return RegionView(sweep, self.sweeps.snapshot(bucket), orphans)

    def _tell(self, company: Company) -> str:
        """Tell operators what became news, here or where nobody could tell it; return why something waits."""
        return OperationsHook(company.regions, self.ledger, self.aws_conn_id).tell()

    def _office(self, company: Company, name: str, view: RegionView, context: Context) -> dict[str, Any]:
        scene = self._scene(company, name, view)
        live = rolled_out(name, scene.documents)
        found = without_noise(drift_of(scene, live), self.policy.noise, scene.at.date())
        holder = f"reconcile {name} {context['run_id']}"
        mending = Mending(company, self.ledger, holder, self.aws_conn_id)
        healing = mending.mend(scene, found.drifts, only_plan=bool(self.plan_only))
        self._show(name, found, healing)
        report = {
            "drift": dict(Counter(drift.cause for drift in found.drifts)),
            "noise": found.noise,
            "mends": [f"{mend.kind} {mend.drift.name}" for mend in healing.mends],
            "left": [f"{left.drift.key}: {left.drift.reason}. {left.why}" for left in healing.left],
        }
        cameras = [camera_id for camera_id in scene.desired.cameras if camera_id in live]
        if self.plan_only or not cameras:
            return report
        return {**report, **self._cameras(scene, cameras, page_of(context))}

    def _scene(self, company: Company, name: str, view: RegionView) -> Scene:
        desired = desired_office(company, name, self.quotas)
        doubted = self._doubted(name, desired.cameras)
        described = self.sweeps.describe(to_describe(desired, view.sweep, doubted))
        documents = self.sweeps.documents(desired.bucket, name, view.snapshot)
        observed = observed_office(desired, view.sweep, described, documents, view.orphans.get(name, ()))
        limits = self.policy.heal
        return Scene(now(), company.office(name), desired, observed, documents, described, limits)

    def _doubted(self, office: str, cameras: Sequence[str]) -> list[str]:
        """Name the cameras that didn't look well: their processors are described though they run."""
        with self.ledger.begin() as connection:
            states = health_of(connection, dict.fromkeys(cameras, office))
        return [camera_id for camera_id, state in states.items() if state.condition != "well"]

    def _cameras(self, scene: Scene, cameras: Sequence[str], url: str) -> dict[str, Any]:
        # Not at the top: they bring pandas and the search client along, which parsing a DAG doesn't need.
        from gatehouse_provider.hooks.looks import LookHook
        from gatehouse_provider.operators.camera_looks import CameraLooks

        hook = LookHook(self.sweeps.video, self.opensearch_conn_id)
        classed, notices = CameraLooks(self.policy, self.ledger, hook, url).look(scene, cameras)
        for notice in notices:
            self.log.warning(
                "%s is %s since %s: %s", notice.camera_id, notice.now, notice.since, notice.reason
            )
        return {
            "cameras": dict(Counter(classed["verdict"])),
            "alarms": [f"{notice.camera_id} is {notice.now}: {notice.reason}" for notice in notices],
        }

    def _show(self, name: str, found: Found, healing: Healing) -> None:
        self.log.info("Office %s: %d differences; known noise: %s", name, len(found.drifts), found.noise)
        done = "would be healed" if self.plan_only else "was healed"
        for mend in healing.mends:
            self.log.info("  %s %s by %s: %s", mend.drift.key, done, mend.kind, mend.drift.reason)
        for left in healing.left:
            drift = left.drift
            self.log.warning("  [%s] %s: %s. %s", drift.severity, drift.key, drift.reason, left.why)
