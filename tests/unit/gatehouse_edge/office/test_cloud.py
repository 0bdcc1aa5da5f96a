"""What is asked of AWS, against moto."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from gatehouse.office.edge import DesiredCamera, EdgeDesired, EdgeObserved
from gatehouse_edge.errors import CameraRefusedError, EdgeError, UplinkError
from gatehouse_edge.office.cloud import OfficeCloud

REGION, BUCKET = "eu-central-1", "gatehouse-bucket"
DESIRED = EdgeDesired(
    office="berlin",
    region=REGION,
    version=3,
    cameras=(DesiredCamera(camera_id="CAM_1", stream_name="gatehouse-CAM_1", rtsp_secret="s/1"),),
)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[OfficeCloud]:
    """Return an office's view of an AWS with an empty bucket."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "123456789012",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        boto3.client("s3", region_name=REGION).create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        yield OfficeCloud.connect("berlin", BUCKET, REGION)


def put(cloud: OfficeCloud, body: str) -> None:
    cloud.s3.put_object(Bucket=BUCKET, Key="edge/berlin/desired.json", Body=body.encode())


def test_the_desired_document_is_read_once_per_change(cloud: OfficeCloud) -> None:
    assert cloud.read_desired("") is None
    put(cloud, DESIRED.model_dump_json())
    found = cloud.read_desired("")
    assert found is not None
    assert found[0] == DESIRED
    assert cloud.read_desired(found[1]) is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "isn't a desired document"),
        (DESIRED.model_dump_json().replace('"version":3', '"version":3,"extra":1'), "extra"),
        (DESIRED.model_dump_json().replace("berlin", "tokyo"), "is for office tokyo"),
    ],
)
def test_a_wrong_document_is_named_with_its_remedy(cloud: OfficeCloud, body: str, message: str) -> None:
    put(cloud, body)
    with pytest.raises(EdgeError, match=message):
        cloud.read_desired("")


def test_observed_is_written_beside_it(cloud: OfficeCloud) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    document = EdgeObserved(office="berlin", at=now, started_at=now, version_applied=3, cameras=())
    cloud.write_observed(document)
    stored = cloud.s3.get_object(Bucket=BUCKET, Key="edge/berlin/observed.json")["Body"].read()
    assert EdgeObserved.model_validate_json(stored) == document


def test_a_secret_is_read_and_a_missing_one_is_named(cloud: OfficeCloud) -> None:
    cloud.secrets.create_secret(Name="s/1", SecretString="{}")
    assert cloud.secret("s/1") == "{}"
    with pytest.raises(CameraRefusedError, match=r"secret s/2 .*create it in eu-central-1"):
        cloud.secret("s/2")


@pytest.mark.parametrize(
    ("code", "status"), [("ClientLimitExceededException", 400), ("InternalFailure", 500)]
)
def test_a_stream_that_answers_later_is_asked_again_so_that_nothing_is_sent_twice(
    cloud: OfficeCloud, code: str, status: int
) -> None:
    with Stubber(cloud.video) as video:
        for _ in range(4):
            video.add_client_error("get_data_endpoint", code, http_status_code=status)
        with pytest.raises(UplinkError, match="asked again"):
            cloud.stored_fragments("gatehouse-CAM_1", 1_000, 2_000)


def test_a_stream_that_may_not_be_asked_holds_nothing_known(cloud: OfficeCloud) -> None:
    with Stubber(cloud.video) as video:
        video.add_client_error("get_data_endpoint", "AccessDeniedException", http_status_code=403)
        assert cloud.stored_fragments("gatehouse-CAM_1", 1_000, 2_000) == set()


def test_threads_share_one_client_of_an_endpoint(cloud: OfficeCloud) -> None:
    with ThreadPoolExecutor(4) as pool:
        clients = list(pool.map(cloud._archive, ["http://a", "http://b"] * 4))
    assert len({id(client) for client in clients}) == 2
    assert {client.meta.endpoint_url for client in clients} == {"http://a", "http://b"}
