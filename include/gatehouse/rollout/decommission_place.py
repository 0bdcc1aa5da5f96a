"""Find out what a decommissioning is about: in which Region, and of an office without a manifest, what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.exceptions import PlanError
from gatehouse.office.source import nearest
from gatehouse.rollout.decommission import items_of
from gatehouse.rollout.resources import DesiredOffice, desired_office

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gatehouse.office.config import Company
    from gatehouse.rollout.decommission import Holdings


def listed_in(company: Company, office: str, region: str) -> bool:
    """Tell whether a manifest has this office in this Region; one that moved has only remains elsewhere."""
    return office in company.offices and company.offices[office].region == region


def regions_to_search(company: Company, office: str, region: str) -> tuple[str, ...]:
    """Return where an office may have anything: the Region given, else its manifest's, else all."""
    known = company.regions.regions
    if region:
        if region not in known:
            msg = f"Region '{region}' isn't in regions.yaml; nothing was changed. {nearest(region, known)}"
            raise PlanError(msg)
        return (region,)
    return (company.offices[office].region,) if office in company.offices else tuple(sorted(known))


def choose_region(company: Company, office: str, found: Mapping[str, bool]) -> str:
    """Return the one Region to decommission in; `found` tells of each whether anything is there.

    Raises PlanError where that is none or several: nothing is guessed where things are deleted.
    """
    there = [region for region, anything in found.items() if anything]
    if len(found) == 1 and (there or office in company.offices):
        return next(iter(found))
    if not there:
        where = ", ".join(found)
        msg = f"Nothing of an office '{office}' was found in {where}; nothing was changed. "
        raise PlanError(msg + nearest(office, company.offices))
    if len(there) > 1:
        msg = (
            f"Office {office} has resources in {', '.join(there)}; nothing was changed. Choose one as region"
        )
        raise PlanError(msg)
    return there[0]


def retired_office(company: Company, office: str, region: str, cameras: Iterable[str] = ()) -> DesiredOffice:
    """Name what an office has in a Region: by its manifest, or by the cameras found there by tag.

    Without a manifest, what it shall have is nothing: only the names derived from it may be used.
    """
    if listed_in(company, office, region):
        return desired_office(company, office)
    names, settings = company.regions.regions[region], company.rollout
    return DesiredOffice(
        office=office,
        region=region,
        account=company.regions.account,
        engine="stream_processor",
        cameras=tuple(cameras),
        threshold=settings.collection_threshold,
        retention_hours=settings.stream_retention_hours,
        shards=settings.record_stream_shards,
        mapping=settings.mapping,
        ingest_function=names.ingest_function,
        processor_role=names.processor_role,
        bucket=names.bucket,
    )


def cameras_of_others(company: Company, office: str, region: str) -> frozenset[str]:
    """Name the cameras of the other offices of a Region: what carries their names is not ours to delete."""
    return frozenset(
        camera.id
        for other in company.offices.values()
        if other.region == region and other.office != office
        for camera in other.cameras
    )


def check_cameras(wanted: Iterable[str], listed: Iterable[str], holdings: Holdings) -> None:
    """Refuse cameras that are neither in the manifest nor have anything here: probably a slip."""
    known = {*listed, *(item.camera_id for item in items_of(holdings) if item.camera_id)}
    unknown = sorted(set(wanted) - known)
    if unknown:
        msg = f"Office {holdings.office} has nothing of camera {unknown[0]}; nothing was changed. "
        raise PlanError(msg + nearest(unknown[0], known))
