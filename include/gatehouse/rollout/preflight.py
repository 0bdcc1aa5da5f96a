"""Judge, before anything of a plan is written, whether it can work; every finding has a remedy.

What was observed comes in as data; looking is the preflight hook's work. What could not be looked at is
never taken for good: it is a finding too, blocking where the rollout rests on it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from gatehouse.capacity.headroom import RESERVE, short
from gatehouse.exceptions import PreflightError
from gatehouse.office.config import STREAM_PROCESSOR_REGIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from gatehouse.capacity.headroom import Headroom
    from gatehouse.office.model import Engine

Severity = Literal["blocking", "advisory"]
Code = Literal[
    "streaming_right",
    "engine_region",
    "headroom",
    "role_trust",
    "ai_opt_out",
    "opensearch",
    "ingest_function",
    "secret",
    "camera",
    "leftover",
    "unanswered",
]
# yes and no were seen; not_proved wasn't tried (a dry run, a freeze); unknown was tried, and no answer came.
Answer = Literal["yes", "no", "not_proved", "unknown"]


@dataclass(frozen=True, slots=True)
class Seen:
    """Hold one answer and the words it came with."""

    answer: Answer
    detail: str = ""


NOT_TRIED = Seen("not_proved", "it wasn't tried")


@dataclass(frozen=True, slots=True)
class RegionSeen:
    """Hold what was observed of one Region; `engines` are those its planned offices use.

    `secrets` are the missing ones by camera id, `cameras` what the offices' proxies say of each camera,
    `leftovers` the preflight resources of earlier runs that couldn't be removed.
    """

    region: str
    engines: frozenset[Engine]
    streaming_right: Seen = NOT_TRIED
    role_trust: Seen = NOT_TRIED
    ingest_function: Seen = NOT_TRIED
    secrets: Mapping[str, str] = field(default_factory=dict)
    cameras: Mapping[str, Seen] = field(default_factory=dict)
    leftovers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreflightSeen:
    """Hold everything a preflight observed."""

    regions: tuple[RegionSeen, ...]
    headroom: tuple[Headroom, ...] = ()
    ai_opt_out: Seen = NOT_TRIED
    opensearch: Seen = NOT_TRIED


@dataclass(frozen=True, slots=True)
class Finding:
    """State one thing that forbids the rollout or that somebody should know, and what to do about it."""

    code: Code
    severity: Severity
    subject: str
    found: str
    remedy: str

    def to_json(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Say whether the rollout may go on; `blocking` names what forbids it."""

    passed: bool
    blocking: int
    advisory: int


def judge(seen: PreflightSeen) -> tuple[Finding, ...]:
    """Return every finding, the blocking ones first; empty if all was proved well."""
    findings = [*_shared(seen), *_headroom(seen.headroom)]
    for region in seen.regions:
        for look in _LOOKS:
            findings += look(region)
    return tuple(
        sorted(findings, key=lambda found: (found.severity != "blocking", found.subject, found.code))
    )


def verdict(findings: Iterable[Finding]) -> Verdict:
    """Sum findings up: one blocking finding forbids the rollout."""
    severities = [finding.severity for finding in findings]
    blocking = severities.count("blocking")
    return Verdict(not blocking, blocking, severities.count("advisory"))


def refuse_blocked(findings: Iterable[Finding]) -> None:
    """Raise PreflightError with every blocking finding and its remedy."""
    blocking = [finding for finding in findings if finding.severity == "blocking"]
    if blocking:
        raise PreflightError(
            "Preflight forbids this rollout; nothing of the plan was written.\n" + render_findings(blocking)
        )


def render_findings(findings: Iterable[Finding]) -> str:
    """Return the findings as text for a task's log."""
    findings = tuple(findings)
    if not findings:
        return "Preflight: everything was proved well"
    lines = []
    for finding in findings:
        sign = "✗" if finding.severity == "blocking" else "•"
        lines += [f"{sign} {finding.subject}: {finding.found}", f"    → {finding.remedy}"]
    result = verdict(findings)
    return f"Preflight: {result.blocking} blocking, {result.advisory} advisory\n" + "\n".join(lines)


def _shared(seen: PreflightSeen) -> Iterator[Finding]:
    yield from _answer(
        "opensearch",
        "OpenSearch",
        seen.opensearch,
        no="it doesn't answer",
        remedy="See whether it runs and whether this Airflow may reach it (connection opensearch_default)",
    )
    if seen.ai_opt_out.answer != "yes":
        found = {
            "no": "AWS may keep pictures to improve its services: no opt-out policy is in force",
            "not_proved": "whether AWS may keep pictures to improve its services wasn't looked up",
            "unknown": "whether AWS may keep pictures to improve its services can't be looked up",
        }[seen.ai_opt_out.answer]
        remedy = (
            "Have the organization's management account attach an AISERVICES_OPT_OUT_POLICY with "
            "rekognition: optOut, or check that it has"
        )
        yield Finding("ai_opt_out", "advisory", "account", _with(found, seen.ai_opt_out.detail), remedy)


def _headroom(rows: Iterable[Headroom]) -> Iterator[Finding]:
    rows = tuple(rows)
    for row in short(rows):
        # Calls per second only slow a rollout down, but the Image API's carry every searched frame.
        yield Finding("headroom", "blocking", row.region, row.found, row.remedy)
    for row in rows:
        left = row.limit - row.in_use - row.needed
        if not row.short and left < row.limit * RESERVE / 2:
            found = f"{row.quota.name}: {left:g} of {row.limit:g} are left once the plan is carried out"
            yield Finding("headroom", "advisory", row.region, found, row.remedy)


def _engine(region: RegionSeen) -> Iterator[Finding]:
    if "stream_processor" in region.engines and region.region not in STREAM_PROCESSOR_REGIONS:
        found = "Rekognition runs no face-search stream processors in this Region"
        remedy = f"Set engine: frame_search, or use one of {', '.join(sorted(STREAM_PROCESSOR_REGIONS))}"
        yield Finding("engine_region", "blocking", region.region, found, remedy)


def _streaming(region: RegionSeen) -> Iterator[Finding]:
    if "stream_processor" not in region.engines:
        return
    yield from _answer(
        "streaming_right",
        region.region,
        region.streaming_right,
        no="this account may not use streaming video, which AWS closed to new customers on 2026-04-30",
        remedy="Set engine: frame_search for the Region's offices, or ask AWS Support about this account",
        what="the account's right to streaming video",
    )
    yield from _answer(
        "role_trust",
        region.region,
        region.role_trust,
        no="a stream processor can't work with its role",
        remedy="Let rekognition.amazonaws.com assume the processor role and give it GetDataEndpoint and "
        "GetMedia on the video streams, PutRecord and PutRecords on the record streams",
        what="the processor role",
    )


def _ingest(region: RegionSeen) -> Iterator[Finding]:
    yield from _answer(
        "ingest_function",
        region.region,
        region.ingest_function,
        no="the ingest function can't be invoked",
        remedy="Run the foundation step (locally: make up), and let Airflow's role lambda:InvokeFunction",
        what="the ingest function",
    )


def _secrets(region: RegionSeen) -> Iterator[Finding]:
    """Yield cameras that will be refused; they hold up no other, so the rollout isn't forbidden."""
    for camera_id, secret in sorted(region.secrets.items()):
        found = f"it will be refused: secret {secret} isn't in Secrets Manager of {region.region}"
        remedy = "Create the secret, or correct rtsp_secret in the manifest"
        yield Finding("secret", "advisory", camera_id, found, remedy)


def _cameras(region: RegionSeen) -> Iterator[Finding]:
    for camera_id, seen in sorted(region.cameras.items()):
        if seen.answer == "no":
            remedy = (
                "See power, network and password of the camera; the rollout sets it aside until it answers"
            )
            yield Finding("camera", "advisory", camera_id, _with("it doesn't answer", seen.detail), remedy)
        elif seen.answer != "yes":
            remedy = "Nothing, if it is new: the rollout finds out. Else see whether the office's proxy runs"
            found = _with("whether it answers isn't known", seen.detail)
            yield Finding("camera", "advisory", camera_id, found, remedy)


def _leftovers(region: RegionSeen) -> Iterator[Finding]:
    for name in region.leftovers:
        found = f"{name} of an earlier preflight is still there, and couldn't be removed"
        yield Finding("leftover", "advisory", region.region, found, "Delete it by hand; it costs money")


_LOOKS: tuple[Callable[[RegionSeen], Iterator[Finding]], ...] = (
    _engine,
    _streaming,
    _ingest,
    _secrets,
    _cameras,
    _leftovers,
)


def _answer(
    code: Code, subject: str, seen: Seen, *, no: str, remedy: str, what: str = "it"
) -> Iterator[Finding]:
    """Judge an answer that the rollout rests on: a no blocks, and so does a question without answer."""
    if seen.answer == "no":
        yield Finding(code, "blocking", subject, _with(no, seen.detail), remedy)
    elif seen.answer == "unknown":
        found = _with(f"{what} could not be checked", seen.detail)
        yield Finding(code, "blocking", subject, found, "Run preflight again when AWS answers")
    elif seen.answer == "not_proved":
        found = _with(f"{what} is not proved", seen.detail)
        remedy = "A real run that nothing holds proves it before anything is written"
        yield Finding(code, "advisory", subject, found, remedy)


def _with(found: str, detail: str) -> str:
    return f"{found} ({detail})" if detail else found
