"""What follows from `dead_letters` of a push queue: its second queue, a grant, and variables."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from queuewright.blueprint import Blueprint
from queuewright.blueprint.explain import explain_data, explain_text
from queuewright.cloud_tasks import roles
from tests.blueprint.stack import derive

STACK = """\
prefix: shop
handlers:
  mailer:
    function: {source: handlers/mailer, entry_point: handle, runtime: python312}
    timeout: 90s
  web: {service: {image: i}}
  ledger: {app_engine: {service: ledger, source: l, runtime: python312}}
queues:
  emails:
    handler: mailer
    path: /send
    retry_config: {max_attempts: 8, min_backoff: 10s}
    dead_letters: {keep: 14d}
    stackdriver_logging_config: {sampling_ratio: 0.5}
  posts: {handler: mailer}
  photos: {handler: web, renamed_from: images, dead_letters: true, protect: false}
  books: {handler: ledger, dead_letters: true}
"""
QUEUES = "projects/acme-prod/locations/europe-west1/queues"


@pytest.fixture(scope="module")
def plan() -> Blueprint:
    """The blueprint of the stack above."""
    return derive(STACK)


def variable(plan: Blueprint, handler: str) -> dict[str, dict[str, object]]:
    """What a handler knows about its dead letters."""
    found = json.loads(plan.handlers[handler].environment["QUEUEWRIGHT_DEAD_LETTERS"])
    assert isinstance(found, dict)
    return found


def test_dead_letters_are_kept_in_a_paused_queue_beside_it(plan: Blueprint) -> None:
    """Protected like the queue, and never given up there."""
    dead = plan.queues["emails"].dead_letters
    assert dead is not None
    assert dead.name == f"{QUEUES}/shop-emails-dead"
    assert (dead.queue_id, dead.desired_state) == ("shop-emails-dead", "PAUSED")
    assert (dead.protect, dead.sampling_ratio) == (True, 0.5)
    assert (dead.keep, dead.max_attempts) == (timedelta(days=14), 8)
    assert dead.retry_config.max_attempts == -1
    assert plan.queues["posts"].dead_letters is None
    photos = plan.queues["photos"].dead_letters
    assert photos is not None
    assert (photos.queue_id, photos.protect) == ("shop-images-dead", False)
    assert photos.keep == timedelta(days=31)


def test_a_dead_letter_that_is_run_by_hand_goes_to_its_handler(plan: Blueprint) -> None:
    """With the same path and token as in its queue."""
    queue = plan.queues["emails"]
    dead = queue.dead_queue
    assert dead is not None
    assert (dead.route, dead.invoker, dead.path) == (queue.route, queue.invoker, "/send")
    assert (dead.name, dead.desired_state) == (f"{QUEUES}/shop-emails-dead", "PAUSED")
    assert plan.queues["posts"].dead_queue is None


def test_the_queue_makes_some_attempts_more_than_the_spec_says(plan: Blueprint) -> None:
    """In those, tasks become dead letters whose handler was killed in the last one."""
    emails, posts = plan.queues["emails"], plan.queues["posts"]
    assert emails.retry_config.max_attempts == 18
    assert emails.allowed.max_attempts == 8
    assert emails.allowed.min_backoff == emails.retry_config.min_backoff == timedelta(seconds=10)
    assert posts.retry_config == posts.allowed
    assert posts.allowed.max_attempts == 100


def test_only_the_handler_may_add_dead_letters(plan: Blueprint) -> None:
    """Its account, and nothing but that."""
    found = {
        (grant.resource, grant.role, grant.account)
        for grant in plan.grants
        if grant.kind == "dead_letter_queue"
    }
    assert found == {
        ("emails", roles.ENQUEUER, "mailer-handler"),
        ("photos", roles.ENQUEUER, "web-handler"),
        ("books", roles.ENQUEUER, "ledger-handler"),
    }
    without = derive(STACK.replace("    dead_letters: {keep: 14d}\n", ""))
    more = {each for each in plan.grants if "emails" in each.reason.text} - {
        each for each in without.grants if "emails" in each.reason.text
    }
    assert len([each for each in more if each.kind == "dead_letter_queue"]) == 1
    assert len(plan.grants) == len(without.grants) + 1


def test_a_handler_knows_where_its_dead_letters_go(plan: Blueprint) -> None:
    """By the id that its tasks' headers have."""
    assert variable(plan, "mailer") == {
        "shop-emails": {
            "queue": f"{QUEUES}/shop-emails-dead",
            "max_attempts": 8,
            "last_attempt": 18,
            "timeout": 90,
        }
    }
    assert list(variable(plan, "web")) == ["shop-images"]
    assert variable(plan, "ledger")["shop-books"]["timeout"] == 600


def test_only_a_function_is_wrapped(plan: Blueprint) -> None:
    """A service has its middleware."""
    wrapped = {
        key: handler.environment.get("FUNCTION_SOURCE") for key, handler in plan.handlers.items()
    }
    assert wrapped == {
        "mailer": "queuewright_runtime/wrapped_function.py",
        "web": None,
        "ledger": None,
    }
    plain = derive(STACK.replace("    dead_letters: {keep: 14d}\n", "")).handlers["mailer"]
    assert plan.handlers["mailer"].keeps_dead_letters
    assert not plain.keeps_dead_letters
    assert plain.environment == {}


def test_explain_shows_the_second_queue_and_the_grant(plan: Blueprint) -> None:
    """For people and for programs."""
    text = explain_text(plan, queue="emails")
    assert "retries    gives up after 8 attempts" in text
    assert f"kept for 14d in {QUEUES}/shop-emails-dead, which is paused" in text
    assert "may add dead letters of queue emails (roles/cloudtasks.enqueuer)" in text
    queues = explain_data(plan)["queues"]
    assert isinstance(queues, dict)
    assert queues["emails"]["dead_letters"] == {
        "queue": f"{QUEUES}/shop-emails-dead",
        "keep": "14d",
        "live_max_attempts": 18,
    }
    assert queues["emails"]["retry_config"]["max_attempts"] == 8


def test_a_pull_queue_keeps_its_dead_letters_as_long() -> None:
    """Pub/Sub deletes them."""
    plan = derive("queues: {reports: {pull: {}, dead_letters: {keep: 3d}}}\n")
    dead = plan.pull_queues["reports"].dead_letters
    assert dead is not None
    assert dead.keep == timedelta(days=3)
