"""Find everything an office has in one Region, by its manifest or, without one, by its tags."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow.sdk import BaseHook

from gatehouse.office import naming
from gatehouse.rollout.decommission import Holdings
from gatehouse.rollout.decommission_place import cameras_of_others, listed_in, retired_office
from gatehouse.rollout.resources import Orphan
from gatehouse_provider.hooks.base_aws import pages
from gatehouse_provider.hooks.office import OfficeHook
from gatehouse_provider.settings import AWS_CONNECTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gatehouse.office.config import Company
    from gatehouse.rollout.decommission import Terms
    from gatehouse.rollout.state import State

# Kinds whose resources carry tags of their own; a mapping goes with its data stream's or by its own.
TAGGED = frozenset({"video_stream", "record_stream", "processor", "mapping"})
RECENTLY = timedelta(minutes=5)


class HoldingsHook(BaseHook):
    """Look at an office that is decommissioned; nothing is changed.

    :param company: the configuration, which may not have the office any more.
    :param office: name of the office.
    :param region: where to look.
    :param rollout_id: the run.
    """

    def __init__(
        self,
        company: Company,
        office: str,
        region: str,
        rollout_id: str,
        aws_conn_id: str | None = AWS_CONNECTION,
    ) -> None:
        super().__init__()
        self.company = company
        self.name = office
        self.region = region
        self.rollout_id = rollout_id
        self.aws_conn_id = aws_conn_id
        self.listed = listed_in(company, office, region)
        self.office = self._reach()

    def _reach(self, cameras: Iterable[str] = ()) -> OfficeHook:
        desired = retired_office(self.company, self.name, self.region, cameras)
        others = cameras_of_others(self.company, self.name, self.region)
        return OfficeHook(desired, self.rollout_id, self.aws_conn_id, others)

    def look(self, terms: Terms, media: Mapping[str, datetime] | None = None, held: int = 0) -> Holdings:
        """Return everything there is; `media` is when each camera last sent video, as found before."""
        observed = self.office.observe()
        unlisted = (*observed.orphans, *self._mappings(), *self._collections())
        if self.listed:
            state = self.office.state(observed)
        else:
            state, unlisted = self._by_tags(unlisted)
        return Holdings(
            office=self.name,
            state=state,
            orphans=unlisted,
            last_media=self._last_media(state, terms.at, media or {}),
            faces=self._faces(state),
            held=held,
        )

    def _by_tags(self, tagged: tuple[Orphan, ...]) -> tuple[State, tuple[Orphan, ...]]:
        """Take the cameras found by tag for the office's, and look at each; the rest stays unlisted."""
        cameras = sorted({orphan.camera_id for orphan in tagged if orphan.camera_id})
        hook = self._reach(cameras)
        state = hook.state(hook.observe())
        mine = {(orphan.what, orphan.name) for orphan in tagged}
        mine |= {("mapping", name) for what, name in mine if what == "record_stream"}
        shared = naming.office_record_stream(self.name)
        found = {
            key: resource
            for key, resource in state.items()
            if key[0] not in TAGGED or key in mine or resource.name == shared
        }
        return found, tuple(orphan for orphan in tagged if (orphan.what, orphan.name) not in found)

    def _mappings(self) -> Iterator[Orphan]:
        """Yield mappings with the office's tag whose data stream no manifest accounts for."""
        desired = self.office.desired
        known = {naming.record_stream(camera_id) for camera_id in self.office.known}
        known.add(naming.office_record_stream(self.name))
        for arn, mapping in self.office.mappings.mappings(desired.ingest_function).items():
            name = arn.rpartition("stream/")[2]
            if name in known:
                continue
            place = f"arn:aws:lambda:{desired.region}:{desired.account}:event-source-mapping:{mapping.uuid}"
            tags = self.office.mappings.client.list_tags(Resource=place).get("Tags", {})
            if tags.get(naming.TAG_OFFICE) == self.name:
                yield Orphan("mapping", name, name.removeprefix(naming.record_stream("")))

    def _collections(self) -> Iterator[Orphan]:
        """Yield the office's collections of other face-model generations."""
        rekognition, current = self.office.rekognition, self.office.desired.collection
        pattern = re.compile(re.escape(naming.collection_id(self.name, 0)[:-1]) + r"\d+")
        for name in sorted(pages(rekognition.client, "list_collections", "CollectionIds")):
            if name != current and pattern.fullmatch(name):
                yield Orphan("collection", name)

    def _faces(self, state: State) -> int | None:
        collection = self.office.desired.collection
        return len(self.office.rekognition.faces(collection)) if ("collection", collection) in state else None

    def _last_media(self, state: State, at: datetime, before: Mapping[str, datetime]) -> dict[str, datetime]:
        found = dict(before)
        for resource in state.values():
            if resource.kind == "video_stream":
                hours = resource.settings["retention_hours"]
                seen = self._newest(resource.name, hours)
                # Nothing within its retention: what was there had expired by the time of the terms.
                known = found.get(resource.camera_id, at - timedelta(hours=hours))
                found[resource.camera_id] = max(known, seen) if seen else known
        return found

    def _newest(self, stream: str, hours: int) -> datetime | None:
        """Walk back through a stream's retention until there is a fragment."""
        now, whole = datetime.now(UTC), timedelta(hours=hours)
        step, back = RECENTLY, timedelta()
        while back < whole:
            until = min(back + step, whole)
            if found := self.office.video.newest_fragment(stream, now - until, now - back):
                return found
            step, back = timedelta(days=1), until
        return None
