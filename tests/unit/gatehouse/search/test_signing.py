from __future__ import annotations

import pytest

from gatehouse.search.signing import signing


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://search-gatehouse-abc.eu-central-1.es.amazonaws.com", ("es", "eu-central-1")),
        ("https://vpc-gatehouse-abc.eu-central-1.es.amazonaws.com:443/", ("es", "eu-central-1")),
        ("https://abc123.us-east-1.aoss.amazonaws.com", ("aoss", "us-east-1")),
        ("https://search-x.cn-north-1.es.amazonaws.com.cn", ("es", "cn-north-1")),
        ("http://search-gatehouse-abc.eu-central-1.es.amazonaws.com", None),
        ("https://opensearch.us-east-1.elb.amazonaws.com", None),
        ("https://ec2-1-2-3-4.compute.amazonaws.com", None),
        ("https://x.eu-central-1.es.amazonaws.com.example.com", None),
        ("https://opensearch.example.com", None),
        ("http://127.0.0.1:24102", None),
    ],
)
def test_only_amazon_s_opensearch_over_https_is_signed_for(url: str, wanted: tuple[str, str] | None) -> None:
    assert signing(url) == wanted
