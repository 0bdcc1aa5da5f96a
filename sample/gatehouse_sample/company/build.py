"""Write a company's folder; what is already there and right is kept, what no longer belongs goes.

company.json  roster.csv  secrets.json
photos/<employee id>/<n>.jpg      videos/<camera id>.mp4      truth/<camera id>.json
probe/clip.mp4  probe/truth.json
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatehouse_sample.company import film, scene, walk
from gatehouse_sample.company.probe import write_probe
from gatehouse_sample.company.roster import photo_key, roster_csv
from gatehouse_sample.company.schedule import CameraPlace, Visit, assign_offices, plan_visits, truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gatehouse_sample.company.people import Cast

USERNAME = "gatehouse"


@dataclass(frozen=True, slots=True)
class Company:
    """Hold everything that is decided before anything is written."""

    cast: Cast
    places: tuple[CameraPlace, ...]
    offices: Mapping[str, Sequence[str]]
    visits: Mapping[str, tuple[Visit, ...]]


def plan_company(cast: Cast, places: Sequence[CameraPlace]) -> Company:
    """Decide who works where and who walks past which camera when."""
    offices = assign_offices([person.person_id for person in cast.employees], places)
    visits = plan_visits(places, offices, [person.person_id for person in cast.strangers])
    absent = {person.person_id: (places[0].office,) for person in cast.without_consent}
    everywhere = tuple(dict.fromkeys(place.office for place in places))
    probe = {cast.probe.enrolled.person_id: everywhere} if cast.probe else {}
    return Company(cast, tuple(places), {**offices, **absent, **probe}, visits)


def write_company(company: Company, out: Path, workers: int, say: Callable[[str], None]) -> None:
    """Write the folder; running it again writes only what changed."""
    for folder in ("photos", "videos", "truth"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    _write_photos(company.cast, out)
    _write_films(company, out, workers, say)
    for camera_id, visits in company.visits.items():
        _write(out / "truth" / f"{camera_id}.json", _json(truth(camera_id, film.FPS, visits)))
    _prune(out / "truth", (f"{place.camera_id}.json" for place in company.places))
    if company.cast.probe:
        write_probe(company.cast.probe, out / "probe")
    else:
        shutil.rmtree(out / "probe", ignore_errors=True)
    _write(out / "roster.csv", roster_csv(company.cast, company.offices))
    _write_secrets(out / "secrets.json", company.places)
    _write(out / "company.json", _json(_summary(company)))


def _write_photos(cast: Cast, out: Path) -> None:
    """Copy the enrolment photos of everyone on the roster."""
    people = (*cast.employees, *cast.without_consent, *((cast.probe.enrolled,) if cast.probe else ()))
    for person in people:
        (out / "photos" / person.person_id).mkdir(exist_ok=True)
        keys = [photo_key(person.person_id, number + 1) for number in range(len(person.photos))]
        for key, photo in zip(keys, person.photos, strict=True):
            shutil.copyfile(photo, out / key)
        _prune(out / "photos" / person.person_id, (Path(key).name for key in keys))
    _prune(out / "photos", (person.person_id for person in people))


def _write_films(company: Company, out: Path, workers: int, say: Callable[[str], None]) -> None:
    """Encode the cameras' loops that are missing or out of date, several at a time."""
    looks = {person.person_id: person.looks for person in (*company.cast.employees, *company.cast.strangers)}
    videos = out / "videos"
    _prune(videos, (f"{place.camera_id}{end}" for place in company.places for end in (".mp4", ".made")))
    jobs = []
    for place in company.places:
        visits = company.visits[place.camera_id]
        needed = {visit.subject: looks[visit.subject] for visit in visits}
        mark = _fingerprint(place, visits, needed)
        made = videos / f"{place.camera_id}.made"
        if not (made.is_file() and made.read_text() == mark and made.with_suffix(".mp4").is_file()):
            jobs.append((made.with_suffix(".mp4"), place, visits, needed, mark))
    say(f"{len(company.places)} camera videos, {len(jobs)} to make")
    with ProcessPoolExecutor(max(1, min(workers, len(jobs)))) as pool:
        for done, path in enumerate(pool.map(_make_film, jobs), 1):
            say(f"{done} of {len(jobs)} videos made: {path.name}, {path.stat().st_size >> 10} KiB")


def _make_film(job: tuple[Path, CameraPlace, tuple[Visit, ...], dict[str, tuple[Path, ...]], str]) -> Path:
    """Encode one film in a process of its own and note what it was made from."""
    path, place, visits, looks, mark = job
    film.make_film(path, place, visits, {who: walk.load_looks(paths) for who, paths in looks.items()})
    path.with_suffix(".made").write_text(mark)
    return path


def _fingerprint(place: CameraPlace, visits: Sequence[Visit], looks: Mapping[str, Sequence[Path]]) -> str:
    """Digest all that a film depends on: its plan, its people's pictures and the code that films."""
    plan = [film.frame_count(), asdict(place), [asdict(visit) for visit in visits]]
    digest = hashlib.sha256(_json(plan).encode())
    for module in (film, scene, walk):
        digest.update(Path(str(module.__file__)).read_bytes())
    for _, paths in sorted(looks.items()):
        for path in paths:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _write_secrets(path: Path, places: Sequence[CameraPlace]) -> None:
    """Give each camera a password of its own; cameras that have one keep it."""
    known: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    wanted = {
        place.camera_id: known.get(place.camera_id)
        or {
            "url": f"rtsp://{{host}}:{{port}}/{place.camera_id}",
            "username": USERNAME,
            "password": secrets.token_urlsafe(18),
        }
        for place in places
    }
    _write(path, _json(wanted))
    path.chmod(0o600)


def _summary(company: Company) -> dict[str, Any]:
    """Return what company.json says."""
    cast = company.cast
    return {
        "people": cast.people,
        "similarity_scale": cast.similarity_scale,
        "employees": {person.person_id: list(company.offices[person.person_id]) for person in cast.employees},
        "without_consent": [person.person_id for person in cast.without_consent],
        "strangers": [person.person_id for person in cast.strangers],
        "probe": cast.probe.enrolled.person_id if cast.probe else None,
        "cameras": {
            place.camera_id: {"office": place.office, "zone": place.zone} for place in company.places
        },
    }


def _write(path: Path, text: str) -> None:
    """Write a file at once, so that no reader sees half of it."""
    part = path.with_name(f".{path.name}")
    part.write_text(text)
    part.replace(path)


def _prune(folder: Path, keep: Iterable[str]) -> None:
    """Remove what an earlier company left in a folder."""
    kept = set(keep)
    for path in folder.iterdir():
        if path.name in kept:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _json(value: Any) -> str:
    """Write JSON for people and diffs."""
    return json.dumps(value, indent=2) + "\n"
