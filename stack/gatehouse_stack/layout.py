"""Say where everything of a local stack lies: folders under one run directory, ports from one base."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

DEFAULT_PORT_BASE = 24100
PORTS_USED = 40
MARKER = "GATEHOUSE_STACK"
"""Environment variable that every process of a stack carries: its run directory."""

ACCOUNT = "123456789012"
AIRFLOW_USER = "admin"
AIRFLOW_PASSWORD = "gatehouse"  # noqa: S105 - a preset login for a server that listens on loopback only
# Not a word of our own: Airflow masks every connection's password wherever it stands in a log.
DATABASE_PASSWORD = "loopback-only"  # noqa: S105 - likewise

_OFFSETS = {
    "cloud": 0,
    "moto": 1,
    "opensearch": 2,
    "opensearch-transport": 3,
    "postgres": 4,
    "airflow": 5,
    "sink": 8,
    "cameras": 9,
    "edge": 10,
    "frames": 20,
    "notify": 30,
}
_PER_OFFICE = ("edge", "frames")
OFFICES_AT_MOST = 10
"""For how many offices there are ports."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Locate one stack: `root` is the checkout, `run` its run directory, `base` its first port."""

    root: Path
    run: Path
    base: int

    @classmethod
    def from_environment(cls) -> Layout:
        """Read GATEHOUSE_RUN and GATEHOUSE_PORT_BASE; both have defaults inside the checkout."""
        root = Path(__file__).resolve().parents[2]
        run = Path(os.environ.get("GATEHOUSE_RUN") or root / ".run").resolve()
        return cls(root, run, int(os.environ.get("GATEHOUSE_PORT_BASE") or DEFAULT_PORT_BASE))

    def port(self, part: str, index: int = 0) -> int:
        """Return the port of a part; `index` tells the office for "edge" and "frames"."""
        return self.base + _OFFSETS[part] + index

    def host(self, part: str) -> str:
        """Return where a part listens: loopback, unless GATEHOUSE_<PART>_HOST names a container."""
        return os.environ.get(f"GATEHOUSE_{part.upper()}_HOST") or "127.0.0.1"

    def url(self, part: str, index: int = 0) -> str:
        """Return a part's address."""
        return f"http://{self.host(part)}:{self.port(part, index)}"

    def ports(self, edges: int, workers: Iterable[int] = ()) -> dict[str, int]:
        """Return every port that will be listened on, by the name of what listens.

        `edges` counts the offices, `workers` are the indices of those with a frame-search worker.
        """
        named = {name: self.port(name) for name in _OFFSETS if name not in _PER_OFFICE}
        named |= {f"edge {i}": self.port("edge", i) for i in range(edges)}
        return named | {f"frames {i}": self.port("frames", i) for i in workers}

    @property
    def config(self) -> Path:
        """The configuration in force: GATEHOUSE_CONFIG, else the checkout's config/."""
        return Path(os.environ.get("GATEHOUSE_CONFIG") or self.root / "config").resolve()

    @property
    def python(self) -> Path:
        """The interpreter of the checkout's own environment."""
        return self.root / ".venv" / "bin" / "python"

    @property
    def logs(self) -> Path:
        """One log file per part."""
        return self.run / "logs"

    @property
    def state(self) -> Path:
        """What the local cloud remembers."""
        return self.run / "state"

    @property
    def moto_snapshot(self) -> Path:
        """moto_server's state, there only between an orderly stop and the next start."""
        return self.run / "moto.snapshot"

    @property
    def company(self) -> Path:
        """The sample company: photos, videos, ground truth. It is made once for all runs."""
        return self.root / "build" / ("sample-photos" if os.environ.get("GATEHOUSE_FACES") else "sample")

    @property
    def camera_faults(self) -> Path:
        """The file that makes cameras misbehave, for tests."""
        return self.run / "camera-faults.json"

    @property
    def airflow_home(self) -> Path:
        """AIRFLOW_HOME: a folder of its own, never the project's root."""
        return self.run / "airflow"

    @property
    def database_url(self) -> str:
        """Gatehouse's own database, for SQLAlchemy."""
        return self._database("postgresql+psycopg", "gatehouse")

    @property
    def airflow_database_url(self) -> str:
        """Airflow's metadata database."""
        return self._database("postgresql+psycopg2", "airflow")

    def _database(self, driver: str, name: str) -> str:
        address = f"{self.host('postgres')}:{self.port('postgres')}"
        return f"{driver}://gatehouse:{DATABASE_PASSWORD}@{address}/{name}"
