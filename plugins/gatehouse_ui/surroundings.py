"""Read the configuration for pages: where offices are, when they are frozen.

A page must be readable when the configuration isn't: then it shows UTC, and says why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gatehouse.exceptions import ConfigError
from gatehouse.office.config import read_company
from gatehouse.rollout.freeze import may_act

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from pathlib import Path

    from gatehouse.ledger.control import Steering
    from gatehouse.office.config import Company
    from gatehouse.rollout.freeze import Hotfix, Stop, Verdict


@dataclass(frozen=True, slots=True)
class Told:
    """Hold a moment as it is shown: by the office's clock, with UTC beside where that differs."""

    iso: str
    local: str
    utc: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Hold what the configuration says; without a company, `problem` says why there is none."""

    company: Company | None = None
    problem: str = ""
    _zones: dict[str, ZoneInfo] = field(default_factory=dict)

    @property
    def offices(self) -> tuple[str, ...]:
        """Name the usable offices."""
        return tuple(sorted(self.company.offices)) if self.company else ()

    def zone(self, offices: Iterable[str]) -> ZoneInfo | None:
        """Return the clock that these offices share, or None if they don't share one."""
        zones = {self._zones[name].key for name in offices if name in self._zones}
        return ZoneInfo(zones.pop()) if len(zones) == 1 else None

    def tell(self, moment: datetime | None, offices: Iterable[str] = ()) -> Told | None:
        """Show a moment by these offices' clock; offices with different clocks share only UTC."""
        if moment is None:
            return None
        utc, zone = moment.astimezone(UTC), self.zone(offices)
        iso = utc.isoformat(timespec="seconds")
        if zone is None:
            return Told(iso, f"{utc:%d %b %H:%M:%S} UTC")
        local = moment.astimezone(zone)
        same_day = local.date() == utc.date()
        beside = f"{utc:%H:%M:%S} UTC" if same_day else f"{utc:%d %b %H:%M:%S} UTC"
        return Told(iso, f"{local:%d %b %H:%M:%S %Z}", beside)

    def place(self, office: str, camera_id: str) -> str:
        """Say where a camera hangs; empty if no manifest says."""
        known = self.company.offices.get(office) if self.company else None
        camera = next((each for each in known.cameras if each.id == camera_id), None) if known else None
        return f"floor {camera.floor}, {camera.zone}" if camera else ""

    def may_act(self, office: str, at: datetime, stop: Stop | None, hotfix: Hotfix | None) -> Verdict | None:
        """Decide whether an office may be changed now, as a task of a rollout does."""
        if self.company is None or office not in self.company.offices:
            return None
        zone = self.company.offices[office].time_zone
        return may_act(at, office, zone, self.company.rollout.freeze, stop, hotfix)

    def frozen(self, offices: Iterable[str], at: datetime, wanted: Steering) -> list[str]:
        """Say of each office that may not be changed now why not; a stop of everything is told apart."""
        found = (self.may_act(office, at, None, wanted.hotfix) for office in offices)
        return [verdict.reason for verdict in found if verdict and not verdict.may]


class CompanyReader:
    """Read the configuration again whenever a file of it changed."""

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder
        self._read: tuple[object, Surroundings] | None = None

    def read(self) -> Surroundings:
        """Return what the configuration says now."""
        root = self._folder()
        files = sorted(root.rglob("*.yaml"))
        state = [(str(path), path.stat().st_mtime_ns) for path in files]
        if self._read is None or self._read[0] != state:
            self._read = (state, _surroundings(root))
        return self._read[1]


def _surroundings(root: Path) -> Surroundings:
    try:
        company = read_company(root).company
    except (ConfigError, OSError) as error:
        return Surroundings(problem=f"The configuration can't be read, so times are UTC: {error}")
    zones = {name: ZoneInfo(office.time_zone) for name, office in company.offices.items()}
    return Surroundings(company, "", zones)
