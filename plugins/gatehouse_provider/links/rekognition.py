"""Link tasks to Rekognition in the AWS Console."""

from __future__ import annotations

from airflow.providers.amazon.aws.links.base_aws import BASE_AWS_CONSOLE_LINK, BaseAwsLink


class RekognitionConsoleLink(BaseAwsLink):
    """Lead to Rekognition in the resource's Region: AWS has no page of one collection or stream processor."""

    name = "Amazon Rekognition"
    key = "rekognition_console"
    format_str = BASE_AWS_CONSOLE_LINK + "/rekognition/home?region={region_name}#/"
