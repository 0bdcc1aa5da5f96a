"""Heal what is safe to heal of one office, while holding it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gatehouse.exceptions import LedgerError
from gatehouse.ledger.heals import approved_basis, begin_heals, end_heal, heals_since, stop_in_force
from gatehouse.ledger.leases import release_leases, take_lease
from gatehouse.reconcile.heal import DAY, Standing, pending_of, plan_heals
from gatehouse.reconcile.runtime import silent_cameras
from gatehouse.rollout.plan import plan_office
from gatehouse_provider.hooks.office import OfficeHook
from gatehouse_provider.hooks.reconcile import HealHook
from gatehouse_provider.operators.base import LEASE_TTL, now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatehouse.office.config import Company
    from gatehouse.reconcile.drift import Drift
    from gatehouse.reconcile.heal import Healing, Mend
    from gatehouse.reconcile.runtime import Scene
    from gatehouse_provider.hooks.ledger import LedgerHook

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Mending:
    """Decide on an office's differences and heal; `holder` names this run in leases and the ledger."""

    company: Company
    ledger: LedgerHook
    holder: str
    aws_conn_id: str | None

    def mend(self, scene: Scene, drifts: Sequence[Drift], *, only_plan: bool) -> Healing:
        """Heal under the office's lease, so that no rollout acts there at the same time.

        Where a rollout holds it, everything is left, with that reason.
        """
        healing = self._decide(scene, drifts)
        if only_plan or not healing.mends:
            return healing
        try:
            with self.ledger.begin() as connection:
                take_lease(connection, scene.desired.office, self.holder, now(), LEASE_TTL)
        except LedgerError as error:
            log.info("%s", error)
            return self._decide(scene, drifts, busy="another run")
        try:
            self._act(scene, healing.mends)
        finally:
            with self.ledger.begin() as connection:
                release_leases(connection, self.holder)
        return healing

    def _decide(self, scene: Scene, drifts: Sequence[Drift], busy: str = "") -> Healing:
        office = scene.desired.office
        with self.ledger.begin() as connection:
            history = heals_since(connection, office, scene.at - DAY)
            approved = approved_basis(connection, office)
            stop = stop_in_force(connection)
        pending = pending_of(approved, plan_office(scene.desired, scene.observed).basis)
        standing = Standing(busy or stop, pending)
        silent = silent_cameras(scene)
        return plan_heals(drifts, scene.observed, history, standing, scene.limits, scene.at, silent)

    def _act(self, scene: Scene, mends: Sequence[Mend]) -> None:
        """Heal one after the other; all are written down before the first, and each after it."""
        hook = HealHook(OfficeHook(scene.desired, self.holder, self.aws_conn_id), self.company)
        with self.ledger.begin() as connection:
            begin_heals(connection, self.holder, scene.desired.office, mends, scene.at)
        for mend in mends:
            error = ""
            try:
                hook.heal(mend)
            except (BotoCoreError, ClientError) as refused:
                error = f"{type(refused).__name__}: {refused}"
                log.warning("%s %s failed: %s", mend.kind, mend.drift.name, error)
            with self.ledger.begin() as connection:
                end_heal(connection, mend, scene.at, error)
