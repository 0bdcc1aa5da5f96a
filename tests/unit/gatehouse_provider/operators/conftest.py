"""Steps of a rollout, taken one by one against a real ledger and the local cloud."""

from __future__ import annotations

from typing import Any

import pytest

from gatehouse_provider.operators.approval import PlanApprovalOperator
from gatehouse_provider.operators.gate import WaveBakeOperator
from gatehouse_provider.operators.provision import OfficeProvisionOperator
from gatehouse_provider.operators.report import RolloutReportOperator
from gatehouse_provider.operators.rollout import RolloutPlanOperator
from gatehouse_provider.operators.wave import WaveBeginOperator


class Rollout:
    """Take the steps of one rollout as its DAG would."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.context: Any = {"run_id": run}

    def plan(self, *offices: str, **arguments: Any) -> dict[str, Any]:
        return RolloutPlanOperator(task_id="plan", offices=offices, **arguments).execute(self.context)

    def approve(self) -> Any:
        return PlanApprovalOperator(task_id="approve", unattended=True).execute(self.context)

    def begin(self, wave: str) -> list[dict[str, Any]]:
        return WaveBeginOperator(task_id="begin", wave=wave).execute(self.context)

    def provision(self, unit: dict[str, Any], **arguments: Any) -> Any:
        operator = OfficeProvisionOperator(task_id="provision", unit=unit, **arguments)
        return operator.execute(self.context)

    def bake(self, wave: str, units: Any) -> dict[str, Any]:
        operator = WaveBakeOperator(task_id="bake", wave=wave, units=units, deferrable=False)
        return operator.execute(self.context)

    def report(self) -> dict[str, Any]:
        return RolloutReportOperator(task_id="report").execute(self.context)


@pytest.fixture
def rollout() -> Rollout:
    """Return a rollout of which nothing is done yet."""
    return Rollout("run-1")


@pytest.fixture(autouse=True)
def _no_evidence(request: pytest.FixtureRequest) -> None:
    """Forget earlier tests' evidence, as their ledger is forgotten: the local cloud is one for all."""
    if "foundation" in request.fixturenames:
        s3 = request.getfixturevalue("foundation")("s3")
        bucket = "gatehouse-123456789012-eu-central-1"
        for found in s3.list_objects_v2(Bucket=bucket, Prefix="evidence/rollouts/").get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=found["Key"])
