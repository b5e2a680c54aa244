"""The refusals of the API, in Google's wording where it is recorded.

Recorded texts come from public issues, named beside each. Where nothing is recorded, the text is
marked *ours*.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from google.rpc.error_details_pb2 import ErrorInfo

from queuewright.errors import Refusal

_MOST_FAILED: Final = 60
"""Ack ids in a refusal: gRPC's clients take 8 KiB of metadata, and more would end the call with
another error."""


def invalid(message: str) -> Refusal:
    """INVALID_ARGUMENT with a text of ours."""
    return Refusal("INVALID_ARGUMENT", message)


def unreadable() -> Refusal:
    """A request that is not a protobuf message; ours."""
    return invalid("The request cannot be parsed.")


def name_malformed(name: str) -> Refusal:
    """A malformed name; recorded (googleapis/google-cloud-java#3333)."""
    return invalid(
        f"Invalid resource name given (name={name}). Refer to "
        "https://cloud.google.com/pubsub/docs/admin#resource_names for more information."
    )


def missing(name: str) -> Refusal:
    """A topic or subscription that does not exist; recorded (project_lockdown#57)."""
    return Refusal("NOT_FOUND", f"Resource not found (resource={short(name)}).")


def exists(name: str) -> Refusal:
    """A second topic or subscription of a name; ours, after `missing`."""
    return Refusal("ALREADY_EXISTS", f"Resource already exists (resource={short(name)}).")


def detached(name: str) -> Refusal:
    """A call on a subscription without a topic to get messages from; ours."""
    return Refusal("FAILED_PRECONDITION", f"The subscription is detached (resource={short(name)}).")


def argument_missing(argument: str) -> Refusal:
    """A required field that is not set; recorded (google/go-cloud#772)."""
    return invalid(f'A required argument is missing in the request: (argument="{argument}").')


def argument_invalid(argument: str) -> Refusal:
    """A field out of its range; recorded (googleapis/google-cloud-dotnet#5378)."""
    return invalid(f"You have passed an invalid argument to the service (argument={argument}).")


def too_few(argument: str, value: int, minimum: int) -> Refusal:
    """Too small a number; recorded for `message_count` (google-api-nodejs-client#519)."""
    return invalid(
        f"The value for {argument} is too small. You passed {value} in the request, but the "
        f"minimum value is {minimum}."
    )


def too_many(argument: str, value: int, maximum: int) -> Refusal:
    """Too large a number; recorded for `message_count`, sic (google-cloud-java#4757)."""
    return invalid(
        f"The value for {value} is too large. You passed {argument} in the request, but the "
        f"maximum value is {maximum}."
    )


def ack_id_invalid(ack_id: str) -> Refusal:
    """An ack id that the subscription never gave; Google's text is known only in general."""
    return invalid(f"You have passed an invalid ack ID to the service (ack_id={ack_id[:200]}).")


def ack_ids_failed(ack_ids: Sequence[str]) -> Refusal:
    """Ack ids that came too late, with exactly-once delivery.

    Recorded (googleapis/nodejs-pubsub#1951); the details are what Google's clients read, such as
    `_get_ack_errors` of google-cloud-pubsub.
    """
    info = ErrorInfo(
        reason="EXACTLY_ONCE_ACKID_FAILURE",
        domain="pubsub.googleapis.com",
        metadata=dict.fromkeys(ack_ids[:_MOST_FAILED], "PERMANENT_FAILURE_INVALID_ACK_ID"),
    )
    return Refusal(
        "INVALID_ARGUMENT",
        "Some acknowledgement ids in the request were invalid. This could be because the "
        "acknowledgement ids have expired or the acknowledgement ids were malformed.",
        info,
    )


def permission_denied(explanation: str = "") -> Refusal:
    """A call without permission; recorded (googleapis/google-cloud-ruby#17944). Then ours."""
    text = "User not authorized to perform this action."
    return Refusal("PERMISSION_DENIED", f"{text} {explanation}".rstrip())


def not_emulated(what: str) -> Refusal:
    """A method or field that is refused; ours."""
    return Refusal("UNIMPLEMENTED", f"{what} is not emulated.")


def stopping() -> Refusal:
    """A call that the end of the server interrupts; clients call again."""
    return Refusal("UNAVAILABLE", "The server is stopping.")


def state_full(path: Path | None, reason: str) -> Refusal:
    """A write that the disk has no room for; ours. `path` None is a temporary state."""
    place = "its temporary file" if path is None else f"`{path}`"
    return Refusal(
        "RESOURCE_EXHAUSTED",
        f"Pub/Sub cannot store this in {place}: {reason}. Nothing that was accepted is lost. "
        "Make room on the disk and call again; acknowledging messages makes room in the file.",
    )


def state_missing(path: Path) -> Refusal:
    """A write to a state file that has been deleted; ours."""
    return Refusal(
        "FAILED_PRECONDITION",
        f"Pub/Sub cannot store this: the state file `{path}` no longer exists. "
        "Put it back, or restart with an empty state.",
    )


def state_unreadable(reason: str) -> Refusal:
    """An unreadable message in the state file; ours."""
    return Refusal(
        "DATA_LOSS",
        f"Pub/Sub cannot read this in its state file: {reason}. Check the disk.",
    )


def short(name: str) -> str:
    """Return the last part of a name.

    >>> short("projects/p/topics/t")
    't'
    """
    return name.rpartition("/")[2]
