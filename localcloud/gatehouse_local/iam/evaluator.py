"""Decide what a role may do, from its trust policy and its policies in IAM."""

from __future__ import annotations

from collections.abc import Mapping


class RoleEvaluator:
    """Read roles from IAM at `endpoint` and decide as AWS does; answers are kept a few seconds."""

    def __init__(self, endpoint: str, ttl: float = 3.0) -> None:
        self._endpoint = endpoint
        self._ttl = ttl

    def assume(self, role_arn: str, service_principal: str, context: Mapping[str, str]) -> bool:
        """Say whether the service may assume the role; `context` has aws:SourceAccount and the like."""
        raise NotImplementedError

    def allows(self, role_arn: str, action: str, resource: str) -> bool:
        """Say whether the role's policies allow the action on the resource ARN; a Deny wins."""
        raise NotImplementedError
