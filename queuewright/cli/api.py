"""Turns the exceptions of Google's client into our errors, each with a hint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from google.api_core import exceptions

from queuewright.cli.project import Target
from queuewright.errors import TargetError


@contextmanager
def calling(target: Target, resource: str) -> Iterator[None]:
    """Turn what the API refuses within the block into a `TargetError` that names `resource`."""
    try:
        yield
    except exceptions.NotFound as error:
        hint = None if target.address else f"deploy {target.environment} with `pulumi up`"
        raise TargetError(f"`{resource}`: {error.message}", hint=hint) from None
    except exceptions.AlreadyExists as error:
        hint = "a task's id cannot be used again for up to 24 hours"
        raise TargetError(f"`{resource}`: {error.message}", hint=hint) from None
    except (exceptions.ServiceUnavailable, exceptions.RetryError, exceptions.DeadlineExceeded):
        hint = (
            "check that `queuewright up` still runs"
            if target.address
            else "check the network connection"
        )
        raise TargetError(f"no answer from {target}", hint=hint) from None
    except exceptions.GoogleAPICallError as error:
        raise TargetError(f"`{resource}`: {error.message}") from None
