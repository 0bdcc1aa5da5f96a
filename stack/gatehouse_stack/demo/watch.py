"""Collect evidence from the running stack, by the same doors a customer has.

Documents and alerts come from OpenSearch, fragments from Kinesis Video, deliveries from the webhook
sink, names from the ledger: nothing is taken from the memory of the code that is being judged.
"""

from __future__ import annotations

import contextlib
import functools
import json
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
import yaml
from opensearchpy import OpenSearch
from opensearchpy.exceptions import TransportError

from gatehouse_stack import cloud, company
from gatehouse_stack.demo.evidence import Alert, Delivery, Detection, Evidence, Fragment
from gatehouse_stack.layout import Layout

POLL_SECONDS = 0.5
"""How often new documents are looked for: how exactly it is known when one became searchable."""
PAGE = 1000


class Watch:
    """Note when each document of these offices becomes searchable, in a thread, while it is entered."""

    def __init__(self, layout: Layout, offices: Sequence[company.Office]) -> None:
        self.layout, self.offices = layout, offices
        self.cameras = [camera for office in offices for camera in office.cameras]
        self.search = OpenSearch(layout.url("opensearch"), timeout=60)
        _, self.regions = company.regions(layout.config)
        rules = yaml.safe_load((layout.config / "rules.yaml").read_text())["rules"]
        self.needed = {name: int(rule["k"]) for name, rule in rules.items()}
        self.documents: dict[str, tuple[dict[str, Any], float]] = {}
        self.stopping = threading.Event()
        self.pool = ThreadPoolExecutor(1, "watch")

    def __enter__(self) -> Watch:
        self.polling = self.pool.submit(self._poll)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.pool.shutdown()

    def _poll(self) -> None:
        # On a beat: how long one look takes doesn't put the next one off.
        while not self.stopping.wait(POLL_SECONDS - time.monotonic() % POLL_SECONDS):
            # What one look missed the next one finds: a document is looked for during a minute.
            with contextlib.suppress(TransportError):
                self._look()

    def _look(self) -> None:
        # A document ingested within the last minute may have become searchable only now.
        # A probe's faces are no visit of anybody.
        query = {
            "bool": {
                "filter": {"range": {"ingested_at": {"gte": _iso(time.time() - 60)}}},
                "must_not": {"term": {"probe": True}},
            }
        }
        found = self.search.search(
            index="gatehouse-detections",
            body={"size": PAGE, "query": query, "sort": [{"ingested_at": "desc"}]},
            params={"ignore_unavailable": "true"},
        )
        now = time.time()
        for hit in found["hits"]["hits"]:
            source = hit["_source"]
            self.documents.setdefault(source["event_id"], (source, now))

    def arrivals(self, since: float, until: float) -> Evidence:
        """Return what may still change once the visits are over: documents, alerts, deliveries.

        Raise what ended the thread that notes documents, if anything did.
        """
        if self.polling.done():
            self.polling.result()
        return Evidence(
            cameras=self.cameras,
            since=since,
            until=until,
            # A copy in one step: the thread goes on noting documents meanwhile.
            detections=[_detection(*document, self.names) for document in self.documents.copy().values()],
            alerts=self._alerts(since),
            deliveries=_deliveries(self.layout),
            analysed=self._analysed(since),
        )

    def evidence(self, since: float, until: float) -> Evidence:
        """Return all that was observed; call it once the dust has settled."""
        return replace(
            self.arrivals(since, until),
            fragments={
                c: self._fragments(o.region, c, since, until) for o in self.offices for c in o.cameras
            },
            acknowledged=self._acknowledged(),
        )

    @functools.cached_property
    def names(self) -> dict[str, str]:
        """The sample company's own name for each person of the ledger, read when first asked for."""
        with psycopg.connect(self.layout.database_url.replace("+psycopg", "")) as connection:
            return dict(connection.execute("SELECT person_id, employee_id FROM person").fetchall())

    def under_way(self, seen: Evidence) -> bool:
        """Tell whether an alert may still be told to somebody: not yet sent, or waiting in a queue."""
        return any(alert.state != "sent" for alert in seen.alerts) or any(map(self._queued, self.regions))

    def _queued(self, region: company.Region) -> int:
        sqs = cloud.client(self.layout, "sqs", region.name)
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = sqs.get_queue_url(QueueName=region.notify_queue)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def _alerts(self, since: float) -> list[Alert]:
        told = {"terms": {"state": ["firing", "pending", "sent"]}}
        recent = {"range": {"window_start": {"gte": _iso(since - 120)}}}
        found = self.search.search(
            index="gatehouse-alerts-*",
            # A probe's alert is about nobody's visit.
            body={
                "size": PAGE,
                "query": {"bool": {"filter": [told, recent], "must_not": {"term": {"probe": True}}}},
            },
        )
        return [_alert(hit["_source"], self.needed) for hit in found["hits"]["hits"]]

    def _analysed(self, since: float) -> dict[str, list[float]]:
        found = self.search.search(
            index="gatehouse-camera-minutes*",
            body={"size": PAGE, "query": {"range": {"@timestamp": {"gte": _iso(since - 60)}}}},
        )
        frames: dict[str, list[float]] = {}
        for hit in found["hits"]["hits"]:
            source = hit["_source"]
            start = _epoch(source["@timestamp"])
            frames.setdefault(source["camera_id"], []).extend(
                start + offset / 1000 for offset in source["frames"]
            )
        return frames

    def _fragments(self, region: str, camera: str, since: float, until: float) -> list[Fragment]:
        control = cloud.client(self.layout, "kinesisvideo", region)
        name = f"gatehouse-{camera}"
        try:
            endpoint = control.get_data_endpoint(StreamName=name, APIName="LIST_FRAGMENTS")["DataEndpoint"]
        except control.exceptions.ResourceNotFoundException:
            return []
        media = cloud.client(self.layout, "kinesis-video-archived-media", region, endpoint)
        pages = media.get_paginator("list_fragments")
        span = {"StartTimestamp": since - 30, "EndTimestamp": until}
        selector = {"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": span}
        found = pages.paginate(StreamName=name, FragmentSelector=selector)
        return [_fragment(raw) for page in found for raw in page["Fragments"]]

    def _acknowledged(self) -> dict[str, int]:
        buckets = {region.name: region.bucket for region in self.regions}
        counts: dict[str, int] = {}
        for office in self.offices:
            s3 = cloud.client(self.layout, "s3", office.region)
            key = f"edge/{office.name}/observed.json"
            try:
                body = s3.get_object(Bucket=buckets[office.region], Key=key)["Body"].read()
            except s3.exceptions.NoSuchKey:
                continue
            for camera in json.loads(body)["cameras"]:
                counts[camera["camera_id"]] = camera["fragments_persisted"]
        return counts


def _detection(source: dict[str, Any], searchable_at: float, names: dict[str, str]) -> Detection:
    person = source.get("person_id")
    return Detection(
        event_id=source["event_id"],
        camera_id=source["camera_id"],
        at=_epoch(source["@timestamp"]),
        person=names.get(person, person) if person else None,
        employee=source["employee_match"],
        similarity=source.get("similarity", 0.0),
        searchable_at=searchable_at,
    )


def _alert(source: dict[str, Any], needed: Mapping[str, int]) -> Alert:
    return Alert(
        alert_id=source["alert_id"],
        camera_id=source["camera_id"],
        first_seen=_epoch(source["first_seen"]),
        last_seen=_epoch(source["last_seen"]),
        state=source["state"],
        hits=frozenset(source["hits"]),
        window_start=_epoch(source["window_start"]),
        window_seconds=source["window_seconds"],
        needed=needed[source["rule"]],
    )


def _deliveries(layout: Layout) -> list[Delivery]:
    received = httpx.get(f"{layout.url('sink')}/alerts", timeout=60).json()
    return [Delivery(r["alert"]["alert_id"], r["at"]) for r in received]


def _fragment(raw: dict[str, Any]) -> Fragment:
    start = raw["ProducerTimestamp"].timestamp()
    return Fragment(start, start + raw["FragmentLengthInMilliseconds"] / 1000)


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _iso(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).isoformat()
