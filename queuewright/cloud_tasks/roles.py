"""The names of IAM roles, each written once.

Sources: https://cloud.google.com/iam/docs/roles-permissions, and for Cloud Tasks
https://cloud.google.com/tasks/docs/roles-and-permissions.
"""

from __future__ import annotations

from typing import Final

PREFIX: Final = "roles/"
"""How the name of a predefined role begins."""

OWNER: Final = "roles/owner"
EDITOR: Final = "roles/editor"
VIEWER: Final = "roles/viewer"

TASKS_ADMIN: Final = "roles/cloudtasks.admin"
TASKS_EDITOR: Final = "roles/cloudtasks.editor"
TASKS_VIEWER: Final = "roles/cloudtasks.viewer"
QUEUE_ADMIN: Final = "roles/cloudtasks.queueAdmin"
ENQUEUER: Final = "roles/cloudtasks.enqueuer"
TASK_RUNNER: Final = "roles/cloudtasks.taskRunner"
TASK_DELETER: Final = "roles/cloudtasks.taskDeleter"
TASKS_AGENT: Final = "roles/cloudtasks.serviceAgent"
"""Of Cloud Tasks itself: make tokens as the accounts that queues name."""

INVOKER: Final = "roles/run.invoker"
"""Call a Cloud Run service, and so a function of the 2nd generation."""
SERVICES_INVOKER: Final = "roles/run.servicesInvoker"
RUN_ADMIN: Final = "roles/run.admin"
RUN_DEVELOPER: Final = "roles/run.developer"
FUNCTIONS_DEVELOPER: Final = "roles/cloudfunctions.developer"

APP_ENGINE_DEPLOYER: Final = "roles/appengine.deployer"
APP_ENGINE_VIEWER: Final = "roles/appengine.appViewer"
BUILDS_BUILDER: Final = "roles/cloudbuild.builds.builder"
BUILDS_EDITOR: Final = "roles/cloudbuild.builds.editor"

SECRET_ACCESSOR: Final = "roles/secretmanager.secretAccessor"
SECRET_ADMIN: Final = "roles/secretmanager.admin"

STORAGE_ADMIN: Final = "roles/storage.admin"
OBJECT_VIEWER: Final = "roles/storage.objectViewer"
OBJECT_USER: Final = "roles/storage.objectUser"
BUCKET_VIEWER: Final = "roles/storage.bucketViewer"
IMAGE_WRITER: Final = "roles/artifactregistry.writer"
IMAGE_CREATOR: Final = "roles/artifactregistry.createOnPushWriter"
"""Push images, also into a `gcr.io` repository that does not exist yet."""
IMAGE_ADMIN: Final = "roles/artifactregistry.admin"
LOG_WRITER: Final = "roles/logging.logWriter"

ACCOUNT_USER: Final = "roles/iam.serviceAccountUser"
"""Act as a service account."""
ACCOUNT_ADMIN: Final = "roles/iam.serviceAccountAdmin"
ACCOUNT_CREATOR: Final = "roles/iam.serviceAccountCreator"
POLICY_VIEWER: Final = "roles/orgpolicy.policyViewer"
PROJECT_IAM_ADMIN: Final = "roles/resourcemanager.projectIamAdmin"
SERVICE_USAGE_ADMIN: Final = "roles/serviceusage.serviceUsageAdmin"
