"""A renamed queue or handler stays the same on Google Cloud and has its new key here."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from queuewright.blueprint import Blueprint, FunctionPlan, QueuePlan, ServicePlan
from queuewright.blueprint.explain import explain_data, explain_text
from queuewright.errors import SpecError
from queuewright.spec.values import flow
from tests.blueprint.stack import EVERY_KIND, derive

RENAMED = EVERY_KIND.replace("emails: {", "letters: {renamed_from: emails, ")
KEYS = st.sampled_from(["a", "b", "c", "d", "e"])


def unplaced(plan: Blueprint) -> dict[str, tuple[QueuePlan, str | None, str | None, object]]:
    """Queues as on Google Cloud, with their invokers and enqueuers, without keys and places."""
    return {
        queue.name: (
            replace(
                queue,
                key="",
                renamed_from=(),
                variable="",
                producer_variables={},
                places={},
                reason=None,
            ),  # type: ignore[arg-type]
            plan.accounts[queue.invoker].email if queue.invoker else None,
            plan.accounts[queue.invoker].display_name if queue.invoker else None,
            sorted(
                (grant.role, grant.member)
                for grant in plan.grants
                if (grant.kind, grant.resource) == ("queue", queue.key)
            ),
        )
        for queue in plan.queues.values()
    }


def test_nothing_of_a_renamed_queue_changes_on_google_cloud() -> None:
    """Its name, settings, invoker and grants stay."""
    assert unplaced(derive(RENAMED)) == unplaced(derive(EVERY_KIND))


def test_who_adds_to_a_renamed_queue_gets_a_variable_of_its_new_key() -> None:
    """Its value is the full name, which has the old key."""
    for handler in ("mailer", "web"):
        target = derive(RENAMED).handlers[handler].target
        assert isinstance(target, FunctionPlan | ServicePlan)
        variables = {
            name: text for name, text in target.runtime.environment.items() if "QUEUE" in name
        }
        assert variables == {
            "QUEUE_LETTERS": "projects/acme-prod/locations/europe-west1/queues/emails"
        }


def test_a_renamed_queue_is_explained_by_both_names() -> None:
    """For people and for programs."""
    plan = derive(RENAMED)
    assert (
        "queue letters\n"
        "  name       projects/acme-prod/locations/europe-west1/queues/emails\n"
        "  renamed    from emails\n"
    ) in explain_text(plan, queue="letters")
    queues = explain_data(plan)["queues"]
    assert isinstance(queues, dict)
    assert queues["letters"]["renamed_from"] == ["emails"]
    assert queues["thumbs"]["renamed_from"] == []


def test_nothing_of_a_renamed_handler_changes_on_google_cloud() -> None:
    """Its name, accounts, their descriptions, secrets and callers stay."""
    text = EVERY_KIND.replace("  mailer:\n", "  postman:\n    renamed_from: mailer\n")
    text = text.replace("handler: mailer", "handler: postman").replace(
        "web, mailer", "web, postman"
    )
    renamed, plan = derive(text), derive(EVERY_KIND)
    assert unplaced(renamed) == {
        name: (
            replace(queue, handler=after.handler, route=after.route, invoker=after.invoker),
            *rest,
        )
        for name, (queue, *rest) in unplaced(plan).items()
        for after in [unplaced(renamed)[name][0]]
    }
    after, before = renamed.handlers["postman"], plan.handlers["mailer"]
    assert after.name == before.name == "mailer"
    assert isinstance(after.target, FunctionPlan)
    assert isinstance(before.target, FunctionPlan)
    assert after.target.runtime.secrets == before.target.runtime.secrets
    assert {(each.email, each.display_name) for each in renamed.accounts.values()} == {
        (each.email, each.display_name) for each in plan.accounts.values()
    }
    assert "  renamed    from mailer\n" in explain_text(renamed)


def test_the_invoker_of_a_renamed_url_is_the_same_account() -> None:
    """The owner of the URL may have allowed its address."""
    text = EVERY_KIND.replace("  partner:\n", "  shop:\n    renamed_from: partner\n")
    renamed, plan = derive(text.replace("handler: partner", "handler: shop")), derive(EVERY_KIND)
    assert renamed.queues["hooks"].invoker == "shop-invoker"
    assert renamed.accounts["shop-invoker"].email == plan.accounts["partner-invoker"].email


@settings(deadline=None)
@given(st.dictionaries(KEYS, st.lists(KEYS, max_size=3), min_size=1))
def test_two_queues_never_have_one_name(renamed: dict[str, list[str]]) -> None:
    """For any former keys, the file is refused or every queue has its own name."""
    queues = {key: {"handler": "h", "renamed_from": former} for key, former in renamed.items()}
    text = f"handlers: {{h: {{service: {{image: i}}}}}}\nqueues: {flow(queues)}\n"
    try:
        plan = derive(text)
    except SpecError:
        return
    assert len({queue.name for queue in plan.queues.values()}) == len(renamed)
    known_as = [key for key, former in renamed.items() for key in {key, *former}]
    assert len(known_as) == len(set(known_as))
