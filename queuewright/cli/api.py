"""What Google's client raises, as errors that say what, where and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from google.api_core import exceptions

from queuewright.cli.project import Target
from queuewright.errors import TargetError


@contextmanager
def calling(target: Target, resource: str) -> Iterator[None]:
    """Call the API within: what it refuses becomes a `TargetError` that names `resource`."""
    try:
        yield
    except exceptions.NotFound as error:
        hint = None if target.address else f"is {target.environment} deployed? `pulumi up` does it"
        raise TargetError(f"`{resource}`: {error.message}", hint=hint) from None
    except exceptions.AlreadyExists as error:
        hint = "a task's id cannot be used again for up to 24 hours"
        raise TargetError(f"`{resource}`: {error.message}", hint=hint) from None
    except (exceptions.ServiceUnavailable, exceptions.RetryError, exceptions.DeadlineExceeded):
        hint = "is `queuewright up` still running?" if target.address else "is the network there?"
        raise TargetError(f"no answer from {target}", hint=hint) from None
    except exceptions.GoogleAPICallError as error:
        raise TargetError(f"`{resource}`: {error.message}") from None
