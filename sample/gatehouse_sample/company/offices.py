"""Read which cameras the company has, from the same manifests as Gatehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from gatehouse_sample.company.schedule import CameraPlace
from gatehouse_sample.errors import CompanyError

if TYPE_CHECKING:
    from pathlib import Path


def read_places(config: Path) -> list[CameraPlace]:
    """Return every camera of every office, by office and in the manifest's order.

    Manifests are judged by Gatehouse; here one that can't be read has no cameras to film.
    """
    places: list[CameraPlace] = []
    for file in sorted((config / "offices").glob("*.yaml")):
        try:
            office = yaml.safe_load(file.read_text())
            places += [
                CameraPlace(str(camera["id"]), str(office["office"]), str(camera["zone"]))
                for camera in office["cameras"]
            ]
        except (yaml.YAMLError, KeyError, TypeError) as error:
            raise CompanyError(f"{file}: can't be read as an office manifest ({error!r}); mend it") from error
    if not places:
        raise CompanyError(f"{config}/offices: has no cameras; point --config at Gatehouse's config folder")
    return places
