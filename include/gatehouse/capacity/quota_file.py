"""Say what config/quotas.yaml may contain, and read it."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gatehouse.office.source import Problem, Source, nearest, parse, read_source, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Text = Annotated[str, StringConstraints(min_length=1)]
Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
Code = Annotated[str, StringConstraints(pattern=r"^L-[0-9A-F]{8}$")]
Positive = Annotated[float, Field(gt=0, strict=False)]
Seconds = Annotated[float, Field(ge=0, strict=False)]


class StrictConfig(BaseModel):
    """Accept exactly what a file may contain: nothing unknown, nothing coerced."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Cited(StrictConfig):
    """Say where a value comes from and when it was read."""

    cite: Text
    read: date


class _Entry(StrictConfig):
    source: Text
    regions: dict[Region, Positive] = {}
    fixed: bool = False


class RateEntry(_Entry):
    """Limit calls per second of some operations: of each, or `shared` by all of them."""

    operations: Annotated[tuple[Text, ...], Field(min_length=1, strict=False)]
    per_second: Positive
    codes: dict[Text, Code] = {}
    shared: bool = False


class CountEntry(_Entry):
    """Limit how many of something there may be."""

    limit: Annotated[int, Field(ge=1)]
    service: Text
    name: Text
    code: Code | None = None


class Timings(StrictConfig):
    """Say how many seconds AWS takes for what can't be hurried."""

    video_stream_creating: Seconds
    record_stream_creating: Seconds
    mapping_enabling: Seconds
    media_flowing: Seconds
    processor_starting: Seconds
    processor_stopping: Seconds
    proof: Seconds
    source: Text


class CountEntries(StrictConfig):
    """Name every count that a rollout uses up."""

    face_search_processors: CountEntry
    stream_processors: CountEntry
    video_streams: CountEntry
    shards: CountEntry
    on_demand_streams: CountEntry
    streams_creating: CountEntry
    lambda_concurrency: CountEntry


class QuotasFile(StrictConfig):
    """Hold config/quotas.yaml."""

    sources: dict[str, Cited]
    rates: dict[Text, Annotated[tuple[RateEntry, ...], Field(min_length=1, strict=False)]]
    counts: CountEntries
    timings_seconds: Timings


def read_quota_file(root: Path) -> QuotasFile:
    """Read quotas.yaml of a configuration folder; raise one ConfigError that lists everything wrong in it."""
    source = read_source(root / "quotas.yaml", f"{root.name}/quotas.yaml")
    parsed, problems = parse(source, QuotasFile)
    if parsed is not None:
        problems = [*_unknown_sources(parsed, source), *_wrong_operations(parsed, source)]
    refuse(problems)
    if parsed is None:
        raise AssertionError  # pragma: no cover - a missing model always has a problem
    return parsed


def _unknown_sources(file: QuotasFile, source: Source) -> Iterator[Problem]:
    named: list[tuple[tuple[int | str, ...], str]] = [
        (("rates", service, index, "source"), entry.source)
        for service, entries in file.rates.items()
        for index, entry in enumerate(entries)
    ]
    named += [
        (("counts", key, "source"), getattr(file.counts, key).source) for key in CountEntries.model_fields
    ]
    named.append((("timings_seconds", "source"), file.timings_seconds.source))
    for place, name in named:
        if name not in file.sources:
            yield source.problem(place, f"unknown source '{name}'. {nearest(name, file.sources)}")


def _wrong_operations(file: QuotasFile, source: Source) -> Iterator[Problem]:
    for service, entries in file.rates.items():
        times = Counter(operation for entry in entries for operation in entry.operations)
        for index, entry in enumerate(entries):
            place = ("rates", service, index)
            for operation in entry.operations:
                if times[operation] > 1:
                    message = f"{service} {operation} has several rates. Keep one of them"
                    yield source.problem((*place, "operations"), message)
            for operation in entry.codes:
                if operation not in entry.operations:
                    hint = nearest(operation, entry.operations)
                    message = f"a code for '{operation}', which isn't among the operations. {hint}"
                    yield source.problem((*place, "codes", operation), message)
