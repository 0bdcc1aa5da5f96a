"""Ask what people want of a rollout now, and keep its leases while it works or waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from airflow.sdk import BaseHook

from gatehouse.ledger.control import steering
from gatehouse.ledger.leases import renew_leases
from gatehouse.office.config import read_company
from gatehouse.rollout.control import Step, next_step
from gatehouse.rollout.freeze import Verdict, may_act
from gatehouse_provider.hooks.ledger import LedgerHook
from gatehouse_provider.settings import LEDGER_CONNECTION, config_dir

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatehouse.ledger.control import Steering
    from gatehouse.office.config import Company, Reading

LEASE_TTL = timedelta(minutes=15)
RENEW_AFTER = timedelta(minutes=1)
# Of several offices the most forbidding answer counts.
_RANK = {"roll_back": 0, "stop": 1, "wait": 2, "go": 3}


class SteeringHook(BaseHook):
    """Read commands, freezes and stops for some offices of one rollout.

    :param offices: the offices to be changed; each is frozen by its own clock.
    """

    def __init__(
        self, rollout_id: str, offices: Sequence[str], ledger_conn_id: str = LEDGER_CONNECTION
    ) -> None:
        super().__init__()
        self.rollout_id = rollout_id
        self.offices = list(offices)
        self.ledger = LedgerHook(ledger_conn_id)
        self._renewed = datetime.now(UTC)

    @cached_property
    def reading(self) -> Reading:
        """Read the configuration as it is now."""
        return read_company(config_dir())

    @property
    def company(self) -> Company:
        """Return the offices with a usable manifest, and the policies."""
        return self.reading.company

    def connect(self) -> None:
        """Resolve the connection now, in the caller's thread."""
        _ = self.ledger.engine

    def step(self) -> Step:
        """Decide what a task of these offices does before its next call."""
        return min(self.steps().values(), key=lambda step: _RANK[step.do], default=Step("go"))

    def steps(self) -> dict[str, Step]:
        """Decide for each office by itself."""
        at, calendar = datetime.now(UTC), self.company.rollout.freeze
        wanted = self._wanted()
        steps = {}
        for name in self.offices:
            may = may_act(at, name, self._time_zone(name), calendar, wanted.stop, wanted.hotfix)
            steps[name] = next_step(wanted.desired, may)
        return steps

    def called_off(self) -> str:
        """Say why the rollout shall do nothing more, in whatever office; empty while it may."""
        step = next_step(self._wanted().desired, Verdict(may=True, reason=""))
        return step.reason if step.do in {"stop", "roll_back"} else ""

    def _wanted(self) -> Steering:
        with self.ledger.begin() as connection:
            return steering(connection, self.rollout_id)

    def _time_zone(self, office: str) -> str:
        """Return by which clock an office is frozen: UTC for one that no manifest has any more."""
        gone = office not in self.company.offices and office not in self.reading.refused
        return "UTC" if gone else self.company.office(office).time_zone

    def renew(self) -> None:
        """Prolong the offices' leases if the last time was a while ago; LedgerError if one is lost."""
        at = datetime.now(UTC)
        if at - self._renewed < RENEW_AFTER:
            return
        with self.ledger.begin() as connection:
            renew_leases(connection, self.offices, self.rollout_id, at, LEASE_TTL)
        self._renewed = at
