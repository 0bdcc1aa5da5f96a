"""Answer a repeated ClientRequestToken with the answer it got the first time."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from gatehouse_local.core.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatehouse_local.core.service import CallContext
    from gatehouse_local.rekognition.state import State


def once(
    state: State, context: CallContext, params: dict[str, Any], act: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Run `act` inside the open transaction, or return what it returned for this token before.

    A call that failed left no token behind, so it may be repeated.

    :raises AwsError: IdempotentParameterMismatchException, the token came with other parameters
    """
    token = params.get("ClientRequestToken")
    if token is None:
        return act()
    key = f"{params['CollectionId']}/{context.operation}/{token}"
    digest = _digest(params)
    remembered = state.tokens.get(context.account, context.region, key)
    if remembered is None:
        answer = act()
        state.tokens.put(context.account, context.region, key, {"digest": digest, "answer": answer})
        return answer
    if remembered["digest"] != digest:
        raise AwsError(
            "IdempotentParameterMismatchException",
            f"The ClientRequestToken {token} was used before with other parameters",
        )
    first: dict[str, Any] = remembered["answer"]
    return first


def _digest(params: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()
