"""Keep functions' zips by digest and unpack each once."""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import threading
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from gatehouse_local.lambda_ import errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from gatehouse_local.core.clients import Clients
    from gatehouse_local.core.service import CallContext

DIRECT_LIMIT = 52_428_800  # bytes of a zip sent in the request
UNPACKED_LIMIT = 262_144_000  # bytes


class CodeGoneError(FileNotFoundError):
    """The zip was replaced and removed before it was unpacked: read the function's configuration again."""


class CodeStore:
    """Store zips under `folder` by their SHA-256; storing and unpacking are idempotent."""

    def __init__(self, folder: Path, clients: Clients) -> None:
        self._folder = folder
        self._clients = clients
        self._lock = threading.Lock()

    def fetch(self, context: CallContext, source: Mapping[str, Any]) -> bytes:
        """Return the zip that `Code` or an UpdateFunctionCode request means.

        :raises AwsError: no zip given, an image given, S3 refuses, or the zip is too large
        """
        if source.get("ImageUri"):
            raise errors.invalid_parameter("Container images can't be run by the local cloud; send a zip.")
        if source.get("S3Bucket"):
            return self._from_s3(context, source)
        if not source.get("ZipFile"):
            raise errors.invalid_parameter("Please provide a source for function code.")
        zipped: bytes = source["ZipFile"]
        if len(zipped) > DIRECT_LIMIT:
            raise errors.too_large(context.operation, DIRECT_LIMIT)
        return zipped

    def add(self, zipped: bytes) -> dict[str, Any]:
        """Check and keep a zip; return the configuration members that describe it."""
        _check(zipped)
        digest = hashlib.sha256(zipped)
        with self._lock:
            path = self._zip_path(digest.hexdigest())
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                partial = path.with_suffix(".partial")
                partial.write_bytes(zipped)
                partial.replace(path)
        return {"CodeSha256": base64.b64encode(digest.digest()).decode(), "CodeSize": len(zipped)}

    def read(self, digest: str) -> bytes:
        """Return a kept zip by its CodeSha256 (base64)."""
        return self._zip_path(_hexadecimal(digest)).read_bytes()

    def unpacked(self, digest: str) -> Path:
        """Return the folder with this zip's files, unpacking it the first time.

        :raises CodeGoneError: the zip has been removed
        """
        name = _hexadecimal(digest)
        folder = self._folder / "code" / name
        with self._lock:
            if not folder.exists():
                if not self._zip_path(name).exists():
                    raise CodeGoneError(f"no zip {name} in {self._folder}")
                partial = folder.with_name(f"{name}.partial")
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir(parents=True)
                with zipfile.ZipFile(self._zip_path(name)) as archive:
                    archive.extractall(partial)
                partial.replace(folder)
        return folder

    def remove_zip(self, digest: str) -> None:
        """Remove a zip; its files stay for the children that still run them, until `sweep`."""
        with self._lock:
            self._zip_path(_hexadecimal(digest)).unlink(missing_ok=True)

    def remove(self, digest: str) -> None:
        """Remove a zip and its files; no child may run them any more."""
        self.remove_zip(digest)
        with self._lock:
            shutil.rmtree(self._folder / "code" / _hexadecimal(digest), ignore_errors=True)

    def sweep(self, kept: Iterable[str]) -> None:
        """Remove every zip and folder but those of the digests given; only while no child runs."""
        names = {_hexadecimal(digest) for digest in kept}
        for path in [*self._folder.glob("zips/*"), *self._folder.glob("code/*")]:
            if path.name.partition(".")[0] in names and path.suffix != ".partial":
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _zip_path(self, name: str) -> Path:
        return self._folder / "zips" / f"{name}.zip"

    def _from_s3(self, context: CallContext, source: Mapping[str, Any]) -> bytes:
        s3 = self._clients.of("s3", context.account, context.region)
        where = {"Bucket": source["S3Bucket"], "Key": source.get("S3Key", "")}
        if source.get("S3ObjectVersion"):
            where["VersionId"] = source["S3ObjectVersion"]
        try:
            body: bytes = s3.get_object(**where)["Body"].read()
        except ClientError as error:
            problem = error.response["Error"]
            message = (
                f"Error occurred while GetObject. S3 Error Code: {problem['Code']}. "
                f"S3 Error Message: {problem['Message']}"
            )
            raise errors.invalid_parameter(message) from error
        return body


def _hexadecimal(digest: str) -> str:
    return base64.b64decode(digest).hex()


def _check(zipped: bytes) -> None:
    """Refuse what isn't a zip, is too large unpacked, or would write outside its folder."""
    try:
        with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
            members = archive.infolist()
            damaged = archive.testzip()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise errors.bad_zip() from error
    if damaged or any(_escapes(member.filename) for member in members):
        raise errors.bad_zip()
    if sum(member.file_size for member in members) >= UNPACKED_LIMIT:
        raise errors.invalid_parameter(f"Unzipped size must be smaller than {UNPACKED_LIMIT} bytes")


def _escapes(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts
