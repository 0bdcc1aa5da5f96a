"""Word Lambda's refusals as AWS words them."""

from __future__ import annotations

from gatehouse_local.core.errors import AwsError


def function_not_found(arn: str) -> AwsError:
    """No such function, version or alias."""
    return AwsError("ResourceNotFoundException", f"Function not found: {arn}", 404, Type="User")


def resource_not_found() -> AwsError:
    """No such mapping, or nothing to tag."""
    message = "The resource you requested does not exist."
    return AwsError("ResourceNotFoundException", message, 404, Type="User")


def function_exists(name: str) -> AwsError:
    """Answer a second CreateFunction."""
    return AwsError("ResourceConflictException", f"Function already exist: {name}", 409, Type="User")


def wrong_state(state: str) -> AwsError:
    """The function can't be invoked or changed yet."""
    message = (
        "The operation cannot be performed at this time. "
        f"The function is currently in the following state: {state}"
    )
    return AwsError("ResourceConflictException", message, 409, Type="User")


def update_in_progress(arn: str) -> AwsError:
    """An earlier update hasn't settled."""
    message = f"The operation cannot be performed at this time. An update is in progress for resource: {arn}"
    return AwsError("ResourceConflictException", message, 409, Type="User")


def revision_mismatch() -> AwsError:
    """Answer an update that carried an outdated RevisionId."""
    message = (
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
    )
    return AwsError("PreconditionFailedException", message, 412, Type="User")


def invalid_parameter(message: str) -> AwsError:
    """Refuse parameters that don't fit each other or the world."""
    return AwsError("InvalidParameterValueException", message, 400, Type="User")


def constraint_violated(member: str, value: object, pattern: str) -> AwsError:
    """Refuse a member as AWS's request validation does."""
    message = (
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {pattern}"
    )
    return AwsError("ValidationException", message, 400)


def member_missing(member: str) -> AwsError:
    """Refuse a request without a member that this event source needs."""
    message = (
        f"1 validation error detected: Value null at '{member}' failed to satisfy constraint: "
        "Member must not be null."
    )
    return AwsError("InvalidParameterValueException", message, 400, Type="User")


def bad_zip() -> AwsError:
    """The code isn't a zip that can be unpacked safely."""
    message = "Could not unzip uploaded file. Please check your file, then try to upload again."
    return invalid_parameter(message)


def bad_request_content(reason: str) -> AwsError:
    """The event isn't JSON."""
    message = f"Could not parse request body into json: {reason}"
    return AwsError("InvalidRequestContentException", message, 400, Type="User")


def too_large(operation: str, limit: int) -> AwsError:
    """The request's payload is over AWS's limit in bytes."""
    message = f"Request must be smaller than {limit} bytes for the {operation} operation"
    return AwsError("RequestTooLargeException", message, 413)


def saturated() -> AwsError:
    """Every child of the function stayed busy for longer than a caller is kept waiting."""
    extra = {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "Type": "User"}
    return AwsError("TooManyRequestsException", "Rate Exceeded.", 429, **extra)


def unsupported_runtime(runtime: str) -> AwsError:
    """Only Python runs here: the child is this machine's own interpreter."""
    message = f"The runtime parameter of {runtime} can't be run by the local cloud; use python3.11"
    return AwsError("InvalidRuntimeException", message, 502, Type="User")


def mapping_exists(source_arn: str, function: str, uuid: str) -> AwsError:
    """Answer a second mapping of the same source to the same function."""
    message = (
        f'An event source mapping with event source arn (" {source_arn} ") and function '
        f'(" {function} ") already exists. Please update or delete the existing mapping with UUID {uuid}'
    )
    return AwsError("ResourceConflictException", message, 409, Type="User")


def mapping_in_use(verb: str) -> AwsError:
    """The mapping is still being created, updated or deleted."""
    message = f"Cannot {verb} the event source mapping because it is in use."
    return AwsError("ResourceInUseException", message, 400, Type="User")
