"""Observe whether a rollout can work, for `gatehouse.rollout.preflight` to judge; the plan isn't touched."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from gatehouse.office import naming
from gatehouse.office.edge import EdgeObserved
from gatehouse.rollout.answers import camera_answers
from gatehouse.rollout.plan import RUNS
from gatehouse.rollout.preflight import RegionSeen, Seen
from gatehouse_provider.hooks.base_aws import AdaptiveRetries, error_code, pages
from gatehouse_provider.hooks.documents import DocumentHook
from gatehouse_provider.hooks.foundation import FoundationHook
from gatehouse_provider.hooks.streaming_proof import StreamingProofHook
from gatehouse_provider.settings import AWS_CONNECTION, OPENSEARCH_CONNECTION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatehouse.capacity.quotas import Quotas
    from gatehouse.office.model import Office, RegionNames

# Questions that have an answer for lack of one: they may not hold a rollout up for minutes.
BRIEFLY = Config(retries={"mode": "standard", "max_attempts": 2}, connect_timeout=5, read_timeout=10)
DENIED = frozenset({"AccessDeniedException", "ResourceNotFoundException", "KMSAccessDeniedException"})
DRY_RUN = Seen("not_proved", "no stream processor is started in a dry run, or for a plan that has no room")


class PreflightHook(AdaptiveRetries):
    """Look at one Region.

    :param names: what the foundation of this Region is called.
    """

    def __init__(
        self, region: str, account: str, names: RegionNames, aws_conn_id: str | None = AWS_CONNECTION
    ) -> None:
        super().__init__(aws_conn_id=aws_conn_id, client_type="kinesisvideo", region_name=region)
        self.region, self.account, self.names = region, account, names
        self._place: dict[str, Any] = {"aws_conn_id": aws_conn_id, "region_name": region}

    def observe(self, offices: Sequence[Office], run_id: str, *, dry_run: bool) -> RegionSeen:
        """Observe everything about these offices' Region; a dry run starts nothing and removes nothing."""
        engines = frozenset(office.engine for office in offices)
        right, trust = DRY_RUN, DRY_RUN
        leftovers: tuple[str, ...] = ()
        if "stream_processor" in engines and not dry_run:
            right, trust, leftovers = self._prove(run_id)
        return RegionSeen(
            region=self.region,
            engines=engines,
            streaming_right=right,
            role_trust=trust,
            ingest_function=self._invocable(),
            secrets=self._missing_secrets(offices),
            cameras={name: seen for office in offices for name, seen in self._cameras(office).items()},
            leftovers=leftovers,
        )

    def _prove(self, run_id: str) -> tuple[Seen, Seen, tuple[str, ...]]:
        role = f"arn:aws:iam::{self.account}:role/{self.names.processor_role}"
        proof = StreamingProofHook(self.region, self.account, role, run_id, self._place["aws_conn_id"])
        leftovers = proof.sweep()
        return (*proof.prove(), leftovers)

    def _invocable(self) -> Seen:
        """Ask Lambda whether the ingest function could be invoked; it isn't."""
        try:
            self._at("lambda").invoke(FunctionName=self.names.ingest_function, InvocationType="DryRun")
        except ClientError as error:
            detail = f"{error_code(error)}: {self.names.ingest_function}"
            return Seen("no", detail) if error_code(error) in DENIED else Seen("unknown", detail)
        except BotoCoreError as error:
            return Seen("unknown", _words(error))
        return Seen("yes")

    def _missing_secrets(self, offices: Sequence[Office]) -> dict[str, str]:
        cameras = {camera.id: camera.rtsp_secret for office in offices for camera in office.cameras}
        foundation = FoundationHook(self.region, self.account, self._place["aws_conn_id"])
        missing = foundation.missing_secrets(cameras.values())
        return {camera_id: secret for camera_id, secret in cameras.items() if secret in missing}

    def _cameras(self, office: Office) -> dict[str, Seen]:
        key = naming.edge_observed_key(office.office)
        observed, _ = DocumentHook(**self._place).read(self.names.bucket, key, EdgeObserved)
        ids = [camera.id for camera in office.cameras]
        return camera_answers(office.office, observed, ids, datetime.now(UTC))

    def quotas(self, defaults: Quotas) -> Quotas:
        """Override defaults by what Service Quotas says; where it can't be asked, they stay."""
        client = self._at("service-quotas", BRIEFLY)
        limits: dict[str, float] = {}
        for quota in defaults.quotas.values():
            if not quota.code:
                continue
            try:
                answer = client.get_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)
            except (BotoCoreError, ClientError) as error:
                if isinstance(error, ClientError) and error_code(error) == "NoSuchResourceException":
                    continue  # AWS doesn't list this one here
                self.log.warning(
                    "Service Quotas of %s can't be asked: %s. Defaults are used", self.region, error
                )
                break
            limits[quota.key] = float(answer["Quota"]["Value"])
        return defaults.with_observed(self.region, limits)

    def in_use(self) -> dict[str, float]:
        """Count what exists in the Region, whoever made it, by quota key."""
        processors = list(pages(self._at("rekognition"), "list_stream_processors", "StreamProcessors"))
        running = sum(processor["Status"] in RUNS for processor in processors)
        streams = sum(1 for _ in pages(self._at("kinesisvideo"), "list_streams", "StreamInfoList"))
        mappings = pages(self._at("lambda"), "list_event_source_mappings", "EventSourceMappings")
        return {
            "stream_processors": len(processors),
            "face_search_processors": running,
            "video_streams": streams,
            "shards": self._at("kinesis").describe_limits()["OpenShardCount"],
            # At most one batch per shard and parallel lane at once; our streams have a shard each.
            "lambda_concurrency": sum(mapping.get("ParallelizationFactor", 1) for mapping in mappings),
        }

    def ai_opt_out(self) -> Seen:
        """Tell whether the organization forbids AWS to keep pictures for improving Rekognition."""
        client = self._at("organizations", BRIEFLY)
        try:
            answer = client.describe_effective_policy(PolicyType="AISERVICES_OPT_OUT_POLICY")
        except (BotoCoreError, ClientError) as error:
            return Seen("unknown", _words(error))
        services = json.loads(answer["EffectivePolicy"]["PolicyContent"]).get("services", {})
        policy = services.get("rekognition") or services.get("default") or {}
        return Seen("yes" if policy.get("opt_out_policy") == "optOut" else "no")

    def _at(self, service: str, config: Config | None = None) -> Any:
        return self.client_of(service, self.conn_config.get_service_endpoint_url(service), config)


def _words(error: Exception) -> str:
    """Name an error in short; a proxy's or gateway's answer may be a whole page."""
    code = error_code(error) if isinstance(error, ClientError) else ""
    return f"{type(error).__name__} {code}".strip()


def opensearch_answers(connection: str = OPENSEARCH_CONNECTION) -> Seen:
    """Tell whether OpenSearch answers."""
    # Not at the top: it brings a large client along.
    from opensearchpy.exceptions import OpenSearchException

    from gatehouse_provider.hooks.detections import DetectionHook

    try:
        DetectionHook(connection).client.info()
    except OpenSearchException as error:
        return Seen("no", f"{type(error).__name__}: {error}")
    return Seen("yes")
