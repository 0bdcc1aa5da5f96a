"""Load config/ and check what must hold across its files.

One bad manifest neither hides the errors of the others nor stops the other offices: `read_company`
returns the good offices together with every problem, `load_company` refuses any problem at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatehouse.exceptions import ConfigError
from gatehouse.office.model import Office, Regions, RolloutSettings, Rules
from gatehouse.office.policy_checks import check_policies, offices_without_wave, time_zone_exists
from gatehouse.office.source import Problem, Source, nearest, parse, read_source, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Where Rekognition runs face-search stream processors (aws.md §2.3).
STREAM_PROCESSOR_REGIONS = frozenset(
    {"us-east-1", "us-west-2", "ap-northeast-1", "eu-central-1", "eu-west-1"}
)


@dataclass(frozen=True, slots=True)
class Company:
    """Hold the whole configuration; `places` tells file and line of every office and camera."""

    offices: dict[str, Office]
    regions: Regions
    rollout: RolloutSettings
    rules: Rules
    places: dict[str, str]

    def office(self, name: str) -> Office:
        """Return one office, or say which ones there are."""
        if name not in self.offices:
            msg = f"No usable office '{name}' in config/offices. {nearest(name, self.offices)}"
            raise ConfigError(msg)
        return self.offices[name]


@dataclass(frozen=True, slots=True)
class Reading:
    """Hold what could be read: the offices without a problem, and every problem."""

    company: Company
    problems: tuple[Problem, ...]

    def problems_of(self, office: str) -> str:
        """Return what is wrong with one office, one problem a line; empty if nothing is."""
        return "\n".join(str(problem) for problem in self.problems if problem.office == office)

    @property
    def refused(self) -> tuple[str, ...]:
        """Name the offices that have a manifest, but not a usable one."""
        return tuple(sorted({problem.office for problem in self.problems if problem.office}))


@dataclass(frozen=True, slots=True)
class _Manifest:
    name: str
    source: Source
    office: Office | None
    problems: tuple[Problem, ...]


def load_company(root: Path) -> Company:
    """Read the configuration and raise one ConfigError that lists everything wrong in it."""
    reading = read_company(root)
    refuse(reading.problems)
    return reading.company


def read_company(root: Path) -> Reading:
    """Read the configuration, leaving out offices with problems.

    Raises ConfigError if a company-wide file (regions, rollout, rules) is wrong: nothing can be
    said about any office then.
    """
    regions_source, rollout_source, rules_source = (
        _source(root, name) for name in ("regions.yaml", "rollout.yaml", "rules.yaml")
    )
    regions, wrong_regions = parse(regions_source, Regions)
    rollout, wrong_rollout = parse(rollout_source, RolloutSettings)
    rules, wrong_rules = parse(rules_source, Rules)
    manifests = [_read_manifest(root, path.name) for path in sorted((root / "offices").glob("*.yaml"))]
    general = [*wrong_regions, *wrong_rollout, *wrong_rules]
    if regions is None or rollout is None or rules is None:
        refuse([*general, *(problem for manifest in manifests for problem in manifest.problems)])
        raise AssertionError  # pragma: no cover - a missing model always has a problem
    names = [manifest.name for manifest in manifests]
    general += _check_regions(regions, regions_source)
    general += _check_channels(rules, rules_source)
    general += check_policies(rollout, rollout_source, names)
    own = [problem for manifest in manifests for problem in _check_manifest(manifest, regions, rules)]
    own += [*_duplicate_cameras(manifests), *offices_without_wave(rollout, rollout_source, names)]
    if general:
        refuse([*general, *own])
    bad = {problem.office for problem in own}
    good = [manifest for manifest in manifests if manifest.name not in bad]
    offices = {manifest.office.office: manifest.office for manifest in good if manifest.office}
    company = Company(offices, regions, rollout, rules, _places(good))
    return Reading(company, tuple(own))


def load_rollout_settings(root: Path) -> RolloutSettings:
    """Read rollout.yaml alone: cheap enough for the time a DAG file is parsed."""
    source = _source(root, "rollout.yaml")
    settings, problems = parse(source, RolloutSettings)
    refuse(problems)
    if settings is None:
        raise AssertionError  # pragma: no cover - a missing model always has a problem
    return settings


def _source(root: Path, name: str) -> Source:
    return read_source(root / name, f"{root.name}/{name}")


def _read_manifest(root: Path, name: str) -> _Manifest:
    source = _source(root, f"offices/{name}")
    office, problems = parse(source, Office)
    stem = name.removesuffix(".yaml")
    mine = tuple(Problem(problem.file, problem.line, problem.message, stem) for problem in problems)
    return _Manifest(stem, source, office, mine)


def _check_manifest(manifest: _Manifest, regions: Regions, rules: Rules) -> Iterator[Problem]:
    yield from manifest.problems
    office, place = manifest.office, manifest.source.problem
    if office is None:
        return
    if office.office != manifest.name:
        message = f"office is '{office.office}' in a file named '{manifest.name}.yaml'. Make them equal"
        yield place(("office",), message, manifest.name)
    if office.region not in regions.regions:
        hint = nearest(office.region, regions.regions)
        message = f"Region '{office.region}' isn't in regions.yaml. {hint}"
        yield place(("region",), message, manifest.name)
    elif office.engine == "stream_processor" and office.region not in STREAM_PROCESSOR_REGIONS:
        message = (
            f"engine 'stream_processor' doesn't run in Region '{office.region}'. Use engine: frame_search, "
            f"or one of {', '.join(sorted(STREAM_PROCESSOR_REGIONS))}"
        )
        yield place(("engine",), message, manifest.name)
    if not time_zone_exists(office.time_zone):
        message = f"unknown time zone '{office.time_zone}'. Use an IANA name such as Europe/Berlin"
        yield place(("time_zone",), message, manifest.name)
    for index, camera in enumerate(office.cameras):
        for rule in camera.rules:
            if rule not in rules.rules:
                message = f"camera {camera.id}: unknown rule '{rule}'. {nearest(rule, rules.rules)}"
                yield place(("cameras", index, "rules"), message, manifest.name)


def _duplicate_cameras(manifests: list[_Manifest]) -> Iterator[Problem]:
    """Yield every repeated camera id at each of its places, so that no office wins by file order."""
    places: dict[str, list[tuple[_Manifest, int]]] = {}
    for manifest in manifests:
        for index, camera in enumerate(manifest.office.cameras if manifest.office else ()):
            places.setdefault(camera.id, []).append((manifest, index))
    for camera_id, found in places.items():
        for manifest, index in found if len(found) > 1 else ():
            others = [
                f"{other.source.file}:{other.source.line(('cameras', at, 'id'))}"
                for other, at in found
                if (other.name, at) != (manifest.name, index)
            ]
            message = f"camera id {camera_id} is also in {', '.join(others)}. Ids are unique company-wide"
            yield manifest.source.problem(("cameras", index, "id"), message, manifest.name)


def _check_regions(regions: Regions, source: Source) -> Iterator[Problem]:
    if regions.home not in regions.regions:
        hint = nearest(regions.home, regions.regions)
        yield source.problem(("home",), f"home Region '{regions.home}' isn't under regions. {hint}")


def _check_channels(rules: Rules, source: Source) -> Iterator[Problem]:
    for name, rule in rules.rules.items():
        if rule.channel not in rules.channels:
            hint = nearest(rule.channel, rules.channels)
            message = f"rule '{name}': unknown channel '{rule.channel}'. {hint}"
            yield source.problem(("rules", name, "channel"), message)


def _places(manifests: list[_Manifest]) -> dict[str, str]:
    places = {}
    for manifest in manifests:
        places[manifest.name] = f"{manifest.source.file}:1"
        for index, camera in enumerate(manifest.office.cameras if manifest.office else ()):
            places[camera.id] = f"{manifest.source.file}:{manifest.source.line(('cameras', index))}"
    return places
