"""Decide what a role may do, from its trust policy and its policies in IAM."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from gatehouse_local.core.clients import session_of
from gatehouse_local.iam.managed import AWS_MANAGED
from gatehouse_local.iam.policy import Document, Question, permits

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2}, proxies={})
_NO_CONTEXT: Mapping[str, str] = {}


class RoleUnreadableError(RuntimeError):
    """IAM could not be asked about a role, so nothing was decided; ask again."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role as IAM has it: who may assume it and every policy it carries."""

    trust: Document
    policies: tuple[Document, ...]


class RoleEvaluator:
    """Read roles from IAM at `endpoint` and decide as AWS does; answers are kept `ttl` seconds.

    `endpoint` is the front door or moto itself. A role that doesn't exist may do nothing. Every
    method raises `RoleUnreadableError` where IAM doesn't answer. Thread-safe.
    """

    def __init__(self, endpoint: str, ttl: float = 3.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._endpoint = endpoint
        self._ttl = ttl
        self._clock = clock
        self._lock = threading.Lock()
        self._clients: dict[str, IAMClient] = {}
        self._roles: dict[str, tuple[float, Role | None]] = {}

    def assume(self, role_arn: str, service_principal: str, context: Mapping[str, str]) -> bool:
        """Say whether the service may assume the role; `context` has aws:SourceAccount and the like."""
        role = self._role(role_arn)
        question = Question("sts:AssumeRole", principal=service_principal, context=context)
        return role is not None and permits([role.trust], question)

    def allows(
        self, role_arn: str, action: str, resource: str, context: Mapping[str, str] = _NO_CONTEXT
    ) -> bool:
        """Say whether the role's policies allow the action on the resource ARN; a Deny wins."""
        role = self._role(role_arn)
        return role is not None and permits(role.policies, Question(action, resource, context=context))

    def _role(self, arn: str) -> Role | None:
        with self._lock:
            known = self._roles.get(arn)
        if known and known[0] > self._clock():
            return known[1]
        role = self._read(arn)
        with self._lock:
            self._roles[arn] = (self._clock() + self._ttl, role)
        return role

    def _read(self, arn: str) -> Role | None:
        parts = arn.split(":", 5)
        if len(parts) != 6 or not parts[5].startswith("role/"):
            return None
        name = parts[5].rpartition("/")[2]
        try:
            iam = self._client(parts[4])
            trust: Any = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
            return Role(trust, (*_inline(iam, name), *_attached(iam, name)))
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchEntity":
                return None
            raise RoleUnreadableError(f"IAM refused to tell about {arn}: {error}") from error
        except BotoCoreError as error:
            raise RoleUnreadableError(f"IAM at {self._endpoint} didn't tell about {arn}: {error}") from error

    def _client(self, account: str) -> IAMClient:
        with self._lock:
            if account not in self._clients:
                client = session_of(account, "us-east-1").client(
                    "iam", endpoint_url=self._endpoint, config=_CONFIG
                )
                # moto itself doesn't take the account from the access key; the front door does.
                client.meta.events.register("before-call.iam", _named(account))
                self._clients[account] = client
            return self._clients[account]


def _named(account: str) -> Callable[..., None]:
    def name_account(params: dict[str, Any], **_: object) -> None:
        params["headers"]["x-moto-account-id"] = account

    return name_account


def _inline(iam: IAMClient, role: str) -> Iterator[Document]:
    for page in iam.get_paginator("list_role_policies").paginate(RoleName=role):
        for name in page["PolicyNames"]:
            document: Any = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            yield document


def _attached(iam: IAMClient, role: str) -> Iterator[Document]:
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=role):
        for attached in page["AttachedPolicies"]:
            yield _managed(iam, attached["PolicyArn"])


def _managed(iam: IAMClient, arn: str) -> Document:
    if arn in AWS_MANAGED:
        return AWS_MANAGED[arn]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return cast(
        "Document", iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    )
