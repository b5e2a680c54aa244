"""The role for each right, decided once: for both targets, and for stand-alone components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from queuewright.blueprint.model import Condition
from queuewright.blueprint.names import staging_bucket
from queuewright.cloud_tasks import roles


@dataclass(frozen=True)
class ProjectRole:
    """A role on the whole project, with a condition that narrows it."""

    role: str
    condition: Condition | None = None


CALL_HANDLER: Final = roles.INVOKER
"""On a handler, for the account whose token its tasks carry."""

ADD_TASKS: Final = roles.ENQUEUER
"""On a queue, for each of its enqueuers; on the queue of its dead letters, for its handler."""

PUBLISH: Final = roles.PUBLISHER
"""On a pull queue's topic, for each of its enqueuers; on its dead-letter topic, for Pub/Sub."""

POLL: Final = roles.SUBSCRIBER
"""On a pull queue's subscription, for its worker; and for Pub/Sub, which acknowledges there what it
moves to the dead-letter topic: https://cloud.google.com/pubsub/docs/handling-failures."""

READ_SECRET: Final = roles.SECRET_ACCESSOR
"""On a secret, for each handler with a variable from it."""

READ_PACKAGES: Final = roles.OBJECT_VIEWER
"""On the bucket for packages, for the account that builds functions and for App Engine versions."""

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
https://cloud.google.com/functions/docs/securing/build-custom-sa. Google's newer page has one role
for the whole project instead, and an older one the right to write objects; a build only gets them:
https://cloud.google.com/run/docs/configuring/services/build-service-account."""


def build_app_engine(project: str) -> tuple[ProjectRole, ...]:
    """On the project, for an account that an App Engine version runs as.

    App Engine also builds a version as that account. Together with `READ_PACKAGES` the build needs
    these roles: it keeps its files and its log in the app's staging bucket, and its image in
    repositories that exist only after the first build. Google has no list of them; the errors of
    failed builds name them, such as https://github.com/GoogleCloudPlatform/magic-modules/pull/11326.
    """
    name = f"projects/_/buckets/{staging_bucket(project)}"
    on_staging = Condition("app-engine-staging", f'resource.name.startsWith("{name}")')
    return (
        ProjectRole(roles.LOG_WRITER),
        ProjectRole(roles.IMAGE_CREATOR),
        ProjectRole(roles.BUCKET_VIEWER, on_staging),
        ProjectRole(roles.OBJECT_USER, on_staging),
    )
