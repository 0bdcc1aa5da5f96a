"""Hand every service of the local cloud what it stands on."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gatehouse_local.core.quotas import Quotas
from gatehouse_local.iam.evaluator import RoleEvaluator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gatehouse_local.core.faults import Faults
    from gatehouse_local.core.store import Store


@dataclass(frozen=True)
class Runtime:
    """What `build(runtime)` of each service package gets.

    `endpoint` is the front door (`http://127.0.0.1:24100`): services call others through it with
    boto3, the account as access key. `clock` gives epoch seconds. `config` is the `--config` file.
    Files of a service go under `state_dir/<service>/`; `state_dir` exists.
    """

    store: Store
    state_dir: Path
    endpoint: str
    clock: Callable[[], float]
    config: Mapping[str, Any]
    faults: Faults
    quotas: Quotas = field(default_factory=Quotas.defaults)

    @property
    def control_plane_only(self) -> bool:
        """Tell whether resources are only kept: no video is read, no face looked at, no shard polled.

        `control_plane_only: true` in the config file; for rollouts larger than one machine can film.
        """
        wanted = self.config.get("control_plane_only", False)
        if not isinstance(wanted, bool):
            raise ValueError(f"control_plane_only is true or false, not {wanted!r}")  # noqa: TRY004
        return wanted

    @cached_property
    def roles(self) -> RoleEvaluator:
        """Decide by IAM, read through the front door, so that a lost moto is an error here too."""
        return RoleEvaluator(self.endpoint)
