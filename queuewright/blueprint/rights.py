"""The role for each right, decided once: for both targets, and for stand-alone components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from queuewright.blueprint.model import Condition
from queuewright.cloud_tasks import roles


@dataclass(frozen=True)
class ProjectRole:
    """A role on the whole project, with a condition that narrows it."""

    role: str
    condition: Condition | None = None


CALL_HANDLER: Final = roles.INVOKER
"""On a handler, for the account whose token its tasks carry."""

ADD_TASKS: Final = roles.ENQUEUER
"""On a queue, for each of its enqueuers."""

PUBLISH: Final = roles.PUBLISHER
"""On a pull queue's topic, for each of its enqueuers; on its dead-letter topic, for Pub/Sub."""

POLL: Final = roles.SUBSCRIBER
"""On a pull queue's subscription, for its worker; and for Pub/Sub, which acknowledges there what it
moves to the dead-letter topic: https://cloud.google.com/pubsub/docs/handling-failures."""

READ_SECRET: Final = roles.SECRET_ACCESSOR
"""On a secret, for each handler with a variable from it."""

READ_PACKAGES: Final = roles.OBJECT_VIEWER
"""On the bucket for packages, for the account that builds functions."""

WRITE_IMAGES: Final = roles.IMAGE_WRITER
"""On the repository for images, for the account that builds functions."""

BUILD_FUNCTIONS: Final = (
    ProjectRole(roles.LOG_WRITER),
    # Cloud Run functions puts sources into this bucket before a build:
    # https://cloud.google.com/functions/docs/building#image_registry
    ProjectRole(
        roles.OBJECT_VIEWER,
        Condition(
            "function-sources",
            'resource.name.startsWith("projects/_/buckets/gcf-v2-sources-")',
        ),
    ),
)
"""On the project, for the account that builds functions.

Together with `READ_PACKAGES` and `WRITE_IMAGES` a build needs these roles:
https://cloud.google.com/functions/docs/securing/build-custom-sa."""
