"""Clients call in the name of an account, whatever the user's own AWS settings are."""

from __future__ import annotations

import pytest

from gatehouse_local.core.clients import Clients


def test_a_profile_of_the_user_is_neither_read_nor_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "one-that-is-not-here")
    client = Clients("http://127.0.0.1:1").of("s3", "123456789012", "eu-central-1")
    assert client.meta.region_name == "eu-central-1"
    assert client._request_signer._credentials.access_key == "123456789012"


def test_a_client_is_made_once_for_an_account_and_region() -> None:
    clients = Clients("http://127.0.0.1:1")
    first = clients.of("s3", "123456789012", "eu-central-1")
    assert clients.of("s3", "123456789012", "eu-central-1") is first
    assert clients.of("s3", "123456789012", "us-west-2") is not first
