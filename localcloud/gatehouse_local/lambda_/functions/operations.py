"""Answer the calls that create, show, change and delete functions."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from gatehouse_local.core.errors import AwsError
from gatehouse_local.lambda_ import errors, paging
from gatehouse_local.lambda_.functions import rules
from gatehouse_local.lambda_.naming import FunctionKey, resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatehouse_local.core.service import CallContext, Operation
    from gatehouse_local.iam.evaluator import RoleEvaluator
    from gatehouse_local.lambda_.code import CodeStore
    from gatehouse_local.lambda_.execution.invoker import Invoker
    from gatehouse_local.lambda_.functions.catalogue import Catalogue

Answer = dict[str, Any]
PAGE = 50  # AWS returns at most this many functions at once
CODE_PATH = "/_lambda/code"


class FunctionOperations:
    """Serve the function family of Lambda's API."""

    def __init__(self, catalogue: Catalogue, code: CodeStore, invoker: Invoker, roles: RoleEvaluator) -> None:
        self._catalogue = catalogue
        self._code = code
        self._invoker = invoker
        self._roles = roles
        # A zip may be shared: none is added or removed while another call decides about it.
        self._changing = threading.Lock()

    def table(self) -> dict[str, Operation]:
        """Return the operations by AWS's names."""
        return {
            "CreateFunction": self.create,
            "GetFunction": self.get,
            "GetFunctionConfiguration": self.get_configuration,
            "UpdateFunctionCode": self.update_code,
            "UpdateFunctionConfiguration": self.update_configuration,
            "ListFunctions": self.list,
            "DeleteFunction": self.delete,
        }

    def create(self, context: CallContext, request: dict[str, Any]) -> Answer:
        """Create a Pending function that becomes Active by itself."""
        key = resolve(context, request["FunctionName"])
        configuration = rules.new_configuration(key.arn, key.name, request)
        self._check_role(context, configuration["Role"])
        zipped = self._code.fetch(context, request["Code"])
        with self._changing:
            described = self._code.add(zipped)
            try:
                return self._catalogue.create(key, {**configuration, **described}, request.get("Tags", {}))
            finally:
                self._drop(described["CodeSha256"], self._code.remove_zip)

    def get(self, context: CallContext, request: dict[str, Any]) -> Answer:
        """Return configuration, tags, and an address that serves the zip."""
        key = self._key(context, request)
        record = self._catalogue.get(key)
        location = f"{context.base_url}{CODE_PATH}/{key.account}/{key.region}/{key.name}"
        answer: Answer = {
            "Configuration": self._catalogue.view(record),
            "Code": {"RepositoryType": "S3", "Location": location},
        }
        return {**answer, "Tags": record["tags"]} if record["tags"] else answer

    def get_configuration(self, context: CallContext, request: dict[str, Any]) -> Answer:
        """Return the configuration alone, which is what waiters poll."""
        return self._catalogue.view(self._catalogue.get(self._key(context, request)))

    def update_code(self, context: CallContext, request: dict[str, Any]) -> Answer:
        """Replace the zip; warm children of the old one take no further event."""
        key = self._key(context, request)
        record = self._catalogue.settled(key)
        zipped = self._code.fetch(context, request)
        if request.get("DryRun"):
            return self._catalogue.view(record)
        with self._changing:
            before = self._catalogue.get(key)["configuration"]["CodeSha256"]
            described = self._code.add(zipped)
            try:
                return self._catalogue.update(key, described, request.get("RevisionId"))
            finally:
                # One of the two: the new one where the update was refused, else the old one.
                for digest in (described["CodeSha256"], before):
                    self._drop(digest, self._code.remove_zip)

    def update_configuration(self, context: CallContext, request: dict[str, Any]) -> Answer:
        """Change the members given; the next event runs in a child with the new ones."""
        key = self._key(context, request)
        changes = rules.changes(request)
        self._catalogue.settled(key)
        if "Role" in changes:
            self._check_role(context, changes["Role"])
        return self._catalogue.update(key, changes, request.get("RevisionId"))

    def list(self, context: CallContext, request: dict[str, Any]) -> Answer:
        """Return functions by name, up to 50 a page."""
        found = list(self._catalogue.list(context.account, context.region))
        page, marker = paging.page(
            found,
            lambda item: str(item["FunctionName"]),
            request.get("Marker"),
            request.get("MaxItems"),
            PAGE,
        )
        return {"Functions": page, **({"NextMarker": marker} if marker else {})}

    def delete(self, context: CallContext, request: dict[str, Any]) -> Answer:
        """Delete a function and kill its children; its mappings stay and fail, as in AWS."""
        key = self._key(context, request)
        with self._changing:
            record = self._catalogue.get(key)
            self._catalogue.delete(key)
            self._invoker.forget(key)
            self._drop(record["configuration"]["CodeSha256"], self._code.remove)
        return {"StatusCode": 204}

    def _drop(self, digest: str, remove: Callable[[str], None]) -> None:
        """Remove code that no function has."""
        if digest not in self._catalogue.digests():
            remove(digest)

    def _key(self, context: CallContext, request: dict[str, Any]) -> FunctionKey:
        return resolve(context, request["FunctionName"], request.get("Qualifier"))

    def _check_role(self, context: CallContext, role_arn: str) -> None:
        """Refuse a role that Lambda may not assume, as CreateFunction does."""
        if f"::{context.account}:role/" not in role_arn:
            raise AwsError("AccessDeniedException", "Cross-account pass role is not allowed.", 403)
        if not self._roles.assume(role_arn, "lambda.amazonaws.com", {"aws:SourceAccount": context.account}):
            message = "The role defined for the function cannot be assumed by Lambda."
            raise errors.invalid_parameter(message)
