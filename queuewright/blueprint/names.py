"""Names on Google Cloud: derived, stable, within Google's limits, never random."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

ACCOUNT_ID_LIMIT = 30  # https://cloud.google.com/iam/docs/service-accounts-create
BUCKET_LIMIT = 63  # https://cloud.google.com/storage/docs/buckets#naming
PUBSUB = "pubsub.googleapis.com"
QUEUE_LIMIT = 100  # google/cloud/tasks/v2/queue.proto, Queue.name
SECRET_LIMIT = 255  # https://cloud.google.com/secret-manager/docs/creating-and-accessing-secrets


def prefixed(prefix: str | None, key: str) -> str:
    """`key` with the prefix of the environment.

    >>> prefixed(None, "emails"), prefixed("feature-7", "emails")
    ('emails', 'feature-7-emails')
    """
    return f"{prefix}-{key}" if prefix else key


def app_engine_service(prefix: str | None, service: str, *, is_deployed: bool) -> str:
    """The name of an App Engine service. Only a service that the stack deploys gets the prefix.

    `default` never does: every app has that service.

    >>> app_engine_service("dev", "ledger", is_deployed=True)
    'dev-ledger'
    >>> app_engine_service("dev", "ledger", is_deployed=False)
    'ledger'
    """
    return prefixed(prefix, service) if is_deployed and service != "default" else service


def first_key(key: str, renamed_from: Sequence[str]) -> str:
    """The key from which names on Google Cloud are derived: the oldest one.

    Queues and accounts cannot be renamed there, only deleted and created again.

    >>> first_key("letters", ()), first_key("post", ("emails", "letters"))
    ('letters', 'emails')
    """
    return renamed_from[0] if renamed_from else key


def account_id(name: str, role: str) -> str:
    """The id of a service account: 6 to 30 characters, different for every name and role.

    A name that is too long or has capitals is shortened, and ends in a hash.

    >>> account_id("emails", "invoker")
    'emails-invoker'
    >>> account_id("Emails", "invoker")
    'emails-invoker-b0b54019'
    >>> account_id("a-queue-with-a-rather-long-name", "invoker")
    'a-queue-with-a-rather-dce2293d'
    """
    wanted = f"{name}-{role}"
    cleaned = re.sub(r"-+", "-", wanted.lower().strip("-"))
    if not cleaned[0].isalpha():
        cleaned = f"q-{cleaned}"
    if cleaned == wanted and len(cleaned) <= ACCOUNT_ID_LIMIT:
        return cleaned
    return _hashed(cleaned, wanted, ACCOUNT_ID_LIMIT)


def account_email(account: str, project: str) -> str:
    """The e-mail address of a service account; the project may belong to a domain.

    >>> account_email("emails-invoker", "acme-prod")
    'emails-invoker@acme-prod.iam.gserviceaccount.com'
    >>> account_email("emails-invoker", "acme.com:prod")
    'emails-invoker@prod.acme.com.iam.gserviceaccount.com'
    """
    return f"{account}@{_host(project)}.iam.gserviceaccount.com"


def app_engine_email(project: str) -> str:
    """The e-mail address of App Engine's default account.

    https://cloud.google.com/appengine/docs/standard/configure-service-accounts
    """
    return f"{_host(project)}@appspot.gserviceaccount.com"


def staging_bucket(project: str) -> str:
    """The beginning of the name of the bucket that App Engine builds from.

    The end is `appspot.com`, or `a.appspot.com` if the project belongs to a domain:
    https://cloud.google.com/appengine/docs/standard/using-cloud-storage.

    >>> staging_bucket("acme-prod"), staging_bucket("acme.com:prod")
    ('staging.acme-prod.', 'staging.prod.acme.com.')
    """
    return f"staging.{_host(project)}."


def bucket_name(project: str, prefix: str | None) -> str:
    """The name of the bucket for packages. Bucket names are global, so it has the project's id.

    >>> bucket_name("acme-prod", None)
    'acme-prod-queuewright'
    """
    wanted = re.sub(r"[^a-z0-9-]", "-", f"{project}-{prefixed(prefix, 'queuewright')}")
    return wanted if len(wanted) <= BUCKET_LIMIT else _hashed(wanted, wanted, BUCKET_LIMIT)


def queue_name(project: str, location: str, queue_id: str) -> str:
    """The full name of a queue, as in the API."""
    return f"projects/{project}/locations/{location}/queues/{queue_id}"


def topic_name(project: str, topic_id: str) -> str:
    """The full name of a Pub/Sub topic."""
    return f"projects/{project}/topics/{topic_id}"


def subscription_name(project: str, subscription_id: str) -> str:
    """The full name of a Pub/Sub subscription."""
    return f"projects/{project}/subscriptions/{subscription_id}"


def dead_letters_id(queue_id: str) -> str:
    """The id of a pull queue's dead-letter topic, and of its subscription.

    No queue id has a dot, so it is never the id of another queue.

    >>> dead_letters_id("feature-7-reports")
    'feature-7-reports.dead-letters'
    """
    return f"{queue_id}.dead-letters"


def delays_id(queue_id: str) -> str:
    """The id of the push queue that keeps the delayed tasks of a pull queue.

    >>> delays_id("feature-7-reports")
    'feature-7-reports-delays'
    >>> len(delays_id("q" * 100))
    100
    """
    wanted = f"{queue_id}-delays"
    return wanted if len(wanted) <= QUEUE_LIMIT else _hashed(wanted, wanted, QUEUE_LIMIT)


def publish_path(topic: str) -> str:
    """The path of a topic's `publish` method at `PUBSUB`, for its full name.

    https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish

    >>> publish_path("projects/acme-prod/topics/reports")
    '/v1/projects/acme-prod/topics/reports:publish'
    """
    return f"/v1/{topic}:publish"


def pubsub_agent(number: str = "PROJECT_NUMBER") -> str:
    """The e-mail address of Pub/Sub's service agent, in the project with this number.

    https://cloud.google.com/iam/docs/service-agents

    >>> pubsub_agent("123456789012")
    'service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com'
    """
    return f"service-{number}@gcp-sa-pubsub.iam.gserviceaccount.com"


def secret_id(prefix: str | None, handler: str, variable: str) -> str:
    """The id of a secret that the stack creates from Pulumi's configuration.

    Variables have no hyphen, so no two secrets have the same id.

    >>> secret_id(None, "mailer", "SMTP_PASSWORD")
    'mailer-SMTP_PASSWORD'
    """
    wanted = prefixed(prefix, f"{handler}-{variable}")
    return wanted if len(wanted) <= SECRET_LIMIT else _hashed(wanted, wanted, SECRET_LIMIT)


def _host(project: str) -> str:
    """A project's id in an e-mail address. The id `acme.com:prod` becomes `prod.acme.com`."""
    domain, _, short = project.rpartition(":")
    return f"{short}.{domain}" if domain else project


def _hashed(text: str, whole: str, limit: int) -> str:
    """`text`, shortened to `limit` characters that end with a hash of `whole`."""
    digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
    return f"{text[: limit - 9].rstrip('-')}-{digest}"
