"""Clients of the local cloud go to loopback, whatever a person's own AWS settings say."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse_stack import cloud
from gatehouse_stack.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path, tmp_path, 24900)


def test_a_client_goes_to_the_front_door_or_to_the_endpoint_it_is_given(layout: Layout) -> None:
    assert cloud.client(layout, "s3", "eu-central-1").meta.endpoint_url == layout.url("cloud")
    own = cloud.client(layout, "s3", "eu-central-1", "http://127.0.0.1:24999")
    assert own.meta.endpoint_url == "http://127.0.0.1:24999"


def test_a_client_is_made_once_per_service_and_region(layout: Layout) -> None:
    first = cloud.client(layout, "sqs", "eu-central-1")
    assert cloud.client(layout, "sqs", "eu-central-1") is first
    other = cloud.client(layout, "sqs", "us-west-2")
    assert (first.meta.region_name, other.meta.region_name) == ("eu-central-1", "us-west-2")


def test_two_stacks_share_no_client(layout: Layout, tmp_path: Path) -> None:
    other = Layout(tmp_path, tmp_path, 24940)
    assert cloud.client(layout, "sns", "us-west-2") is not cloud.client(other, "sns", "us-west-2")
