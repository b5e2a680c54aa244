"""Creates Google's Cloud Tasks client, for a local engine if one is named, else for Google."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from queuewright.errors import TargetError

# Google's libraries take most of a second to import, so they are imported on first use.
if TYPE_CHECKING:
    import grpc
    from google.auth.credentials import Credentials
    from google.cloud import tasks_v2, tasks_v2beta3

EMULATOR_HOST = "CLOUD_TASKS_EMULATOR_HOST"
"""The environment variable with the `host:port` of a local engine's gRPC API."""


def connect(address: str | None = None) -> tasks_v2.CloudTasksClient:
    """Return a client for the engine at `address` or at `$CLOUD_TASKS_EMULATOR_HOST`, or Google.

    Args:
        address: `host:port` of an engine's gRPC API; None looks at the environment variable.

    Raises:
        TargetError: an address is malformed, or there are no credentials for Google.
    """
    from google.cloud import tasks_v2
    from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

    channel = _channel(address)
    if channel is not None:
        return tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
    return tasks_v2.CloudTasksClient(credentials=credentials())


def connect_beta(address: str | None = None) -> tasks_v2beta3.CloudTasksClient:
    """Like `connect`, for v2beta3, the version with the number of tasks in a queue."""
    from google.cloud import tasks_v2beta3
    from google.cloud.tasks_v2beta3.services.cloud_tasks.transports import CloudTasksGrpcTransport

    channel = _channel(address)
    if channel is not None:
        return tasks_v2beta3.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
    return tasks_v2beta3.CloudTasksClient(credentials=credentials())


def _channel(address: str | None) -> grpc.Channel | None:
    address = address or os.environ.get(EMULATOR_HOST)
    if not address:
        return None
    address = checked_address(address, EMULATOR_HOST)
    import grpc

    return grpc.insecure_channel(address)


def checked_address(address: str, variable: str) -> str:
    """Return an address if it is `host:port`; `variable` is where it may come from.

    Raises:
        TargetError: it is not.
    """
    if not re.fullmatch(r"[^\s/:]+:[0-9]{1,5}|\[[0-9a-fA-F:]+\]:[0-9]{1,5}", address):
        example = "127.0.0.1:8123" if variable == EMULATOR_HOST else "127.0.0.1:8085"
        raise TargetError(
            f"`{address}` is not the address of an engine",
            hint=f"{variable} is `host:port` without a scheme, as in `{example}`",
        )
    return address


def credentials() -> Credentials:
    """Return the developer's credentials for Google.

    Raises:
        TargetError: there are none on this machine.
    """
    import google.auth
    import google.auth.exceptions

    try:
        credentials, _ = google.auth.default(
            scopes=["https://www.googleapis.com/auth/cloud-platform"]
        )
    except google.auth.exceptions.DefaultCredentialsError:
        raise TargetError(
            "there are no Google credentials on this machine",
            hint="run `gcloud auth application-default login`",
        ) from None
    return credentials
