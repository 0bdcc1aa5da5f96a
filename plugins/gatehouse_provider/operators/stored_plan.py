"""Read back the plan that a rollout froze in the ledger: what every later task works on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowFailException

from gatehouse.ledger.evidence import decision_on
from gatehouse.ledger.rollouts import judgement_of, load_plan, load_rollout
from gatehouse.office.policy import Judgement
from gatehouse.rollout.plan import OfficePlan
from gatehouse.rollout.waves import FrozenWave

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gatehouse.office.policy import Prove
    from gatehouse.rollout.waves import Unit

APPROVED = "approved"
REJECTED = "rejected"
PREPARED = (
    "prepared, not proved: what they need is made and started; no media, face or document was asked for"
)


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """Hold a frozen plan; `text` is how its task's log showed it, `kind` what is planned.

    `decision` is what was decided on its hash, empty if nothing was; `judgement` is by what its cameras are
    judged, whatever the configuration says by now.
    """

    digest: str
    dry_run: bool
    offices: dict[str, OfficePlan]
    refused: dict[str, str]
    waves: tuple[FrozenWave, ...]
    decision: str
    text: str
    prove: Prove = "whole_path"
    kind: str = "rollout"
    judgement: Judgement = field(default_factory=Judgement)

    @property
    def proves_path(self) -> bool:
        """Tell whether its cameras have to show their whole path, as whoever approved it was told."""
        return self.prove == "whole_path"

    def wave(self, name: str) -> FrozenWave:
        """Return a wave; one that the plan doesn't have, such as that of offices put off, has no units."""
        return next((wave for wave in self.waves if wave.name == name), FrozenWave(name, (), 0))

    def unit(self, office: str, wave: str, chunk: int) -> Unit:
        """Return a unit by where the plan put it."""
        for unit in self.wave(wave).units:
            if (unit.office, unit.chunk) == (office, chunk):
                return unit
        msg = f"The plan has no unit {chunk} of office {office} in wave '{wave}'; nothing was changed there"
        raise AirflowFailException(msg)

    def check_approved(self) -> None:
        """Fail unless this very plan was approved: its hash, not the run."""
        if self.decision != APPROVED:
            what = self.decision or "not approved"
            msg = f"Plan {self.digest[:12]} is {what}; nothing was changed. See task approve"
            raise AirflowFailException(msg)


def stored_plan(connection: Connection, rollout_id: str) -> StoredPlan:
    """Read a rollout's plan; fails if the run has none."""
    plan, found = load_plan(connection, rollout_id), load_rollout(connection, rollout_id)
    if plan is None or found is None:
        msg = "This run has no plan; nothing was changed. See the log of task plan"
        raise AirflowFailException(msg)
    return StoredPlan(
        digest=found.plan_hash,
        dry_run=found.dry_run,
        offices={name: OfficePlan.from_json(office) for name, office in plan["offices"].items()},
        refused=dict(plan["refused"]),
        waves=tuple(FrozenWave.from_json(wave) for wave in plan["waves"]),
        decision=decision_on(connection, rollout_id, found.plan_hash),
        text=plan["forecast"]["text"],
        kind=plan.get("kind", "rollout"),
        prove=plan.get("prove", "whole_path"),
        judgement=judgement_of(connection, rollout_id),
    )
