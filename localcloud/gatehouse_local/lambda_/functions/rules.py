"""Decide what a function's configuration may be: AWS's defaults and refusals, no state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatehouse_local.core.errors import AwsError
from gatehouse_local.lambda_ import errors
from gatehouse_local.lambda_.execution.environment import RESERVED

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TIMEOUT = 900  # seconds
MAX_ENVIRONMENT = 4096  # bytes of names and values
CONFIGURABLE = (
    "Role",
    "Handler",
    "Description",
    "Timeout",
    "MemorySize",
    "Environment",
    "Runtime",
    "DeadLetterConfig",
    "KMSKeyArn",
    "TracingConfig",
    "EphemeralStorage",
    "LoggingConfig",
    "VpcConfig",
)
DEFAULTS: Mapping[str, Any] = {
    "Description": "",
    "Timeout": 3,
    "MemorySize": 128,
    "Version": "$LATEST",
    "PackageType": "Zip",
    "Architectures": ["x86_64"],
    "TracingConfig": {"Mode": "PassThrough"},
    "EphemeralStorage": {"Size": 512},
    "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
}


def new_configuration(arn: str, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Build the configuration of a function to be created."""
    if request.get("PackageType", "Zip") != "Zip":
        raise errors.invalid_parameter("Container images can't be run by the local cloud; send a zip.")
    if not request.get("Runtime") or not request.get("Handler"):
        message = (
            "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        )
        raise errors.invalid_parameter(message)
    logging = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"}
    architectures = {"Architectures": request["Architectures"]} if request.get("Architectures") else {}
    return {
        **DEFAULTS,
        "FunctionName": name,
        "FunctionArn": arn,
        "LoggingConfig": logging,
        **architectures,
        **changes(request),
    }


def changes(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration members that a request sets, checked."""
    check_unsupported(request)
    timeout = request.get("Timeout")
    if timeout is not None and timeout > MAX_TIMEOUT:
        message = (
            f"1 validation error detected: Value '{timeout}' at 'timeout' failed to satisfy constraint: "
            f"Member must have value less than or equal to {MAX_TIMEOUT}"
        )
        raise AwsError("ValidationException", message)
    check_environment(request.get("Environment", {}).get("Variables", {}))
    return {name: request[name] for name in CONFIGURABLE if request.get(name) is not None}


def check_environment(variables: Mapping[str, str]) -> None:
    """Refuse reserved names and more than AWS's 4 KB."""
    reserved = sorted(RESERVED & set(variables))
    prefix = "Lambda was unable to configure your environment variables because the environment variables "
    if reserved:
        message = (
            f"{prefix}you have provided contains reserved keys that are currently not supported for "
            f"modification. Reserved keys used in this request: {', '.join(reserved)}"
        )
        raise errors.invalid_parameter(message)
    size = sum(len(name.encode()) + len(value.encode()) for name, value in variables.items())
    if size > MAX_ENVIRONMENT:
        raise errors.invalid_parameter(f"{prefix}you have provided exceeded the 4KB limit.")


def check_unsupported(request: Mapping[str, Any]) -> None:
    """Refuse what would silently do nothing here."""
    for member in ("Layers", "FileSystemConfigs", "ImageConfig", "CapacityProviderConfig", "DurableConfig"):
        if request.get(member):
            raise errors.invalid_parameter(f"{member} isn't offered by the local cloud; nothing was changed.")
