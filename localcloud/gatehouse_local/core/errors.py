"""Answer as AWS answers when it refuses."""

from __future__ import annotations


class AwsError(Exception):
    """Refuse a call with AWS's error code, message and HTTP status.

    `code` is the botocore exception shape's name (`ResourceNotFoundException`), which is what
    boto3 shows as `Error.Code`; `extra` members go into the error body beside `message`.
    """

    def __init__(self, code: str, message: str, status: int = 400, **extra: object) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.extra = extra

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.code, self.message, self.status, self.extra))


def _rebuild(code: str, message: str, status: int, extra: dict[str, object]) -> AwsError:
    return AwsError(code, message, status, **extra)
