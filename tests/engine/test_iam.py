"""Who may do what: grants, policies and denials."""

from __future__ import annotations

import pytest

from queuewright.engine.protocol import messages as m
from queuewright.engine.service.iam import ROLES, Grants, check_policy
from queuewright.errors import Refusal

LOCATION = "projects/p/locations/l"


def test_a_grant_is_for_one_queue_a_project_or_everything() -> None:
    grants = Grants()
    grants.grant("user:a", "roles/cloudtasks.enqueuer", f"{LOCATION}/queues/q")
    grants.grant("user:b", "roles/cloudtasks.enqueuer", "projects/p")
    grants.grant("user:c", "roles/cloudtasks.enqueuer", None)
    create = "cloudtasks.tasks.create"
    allowed = {
        (who, where): grants.allows(f"user:{who}", create, f"projects/{where}/locations/l/queues/q")
        for who in "abcd"
        for where in ("p", "z")
    }
    assert [key for key, value in allowed.items() if value] == [
        ("a", "p"), ("b", "p"), ("c", "p"), ("c", "z"),
    ]  # fmt: skip


def test_a_queues_policy_applies_to_that_queue() -> None:
    policy = m.Policy(bindings=[m.Binding(role="roles/cloudtasks.viewer", members=["user:a"])])
    grants = Grants()
    assert grants.allows("user:a", "cloudtasks.queues.get", "q", policy)
    assert not grants.allows("user:a", "cloudtasks.tasks.create", "q", policy)
    assert not grants.allows("user:b", "cloudtasks.queues.get", "q", policy)


def test_a_denial_has_googles_text_followed_by_ours() -> None:
    grants = Grants(lambda _principal, permission, _resource: f"Ask for {permission}.")
    with pytest.raises(Refusal) as refused:
        grants.check("user:a", "cloudtasks.tasks.create", "projects/p/locations/l/queues/q")
    assert refused.value.code == "PERMISSION_DENIED"
    assert refused.value.message == (
        'The principal (user or service account) lacks IAM permission "cloudtasks.tasks.create" '
        'for the resource "projects/p/locations/l/queues/q" (or the resource may not exist). '
        "Ask for cloudtasks.tasks.create."
    )


def test_an_enqueuer_creates_tasks_and_a_queue_admin_sees_none() -> None:
    assert ROLES["roles/cloudtasks.enqueuer"] == {
        "cloudtasks.tasks.create", "cloudtasks.tasks.fullView",
    }  # fmt: skip
    assert not any(".tasks." in name for name in ROLES["roles/cloudtasks.queueAdmin"])


def test_a_policy_with_a_condition_is_refused() -> None:
    binding = m.Binding(role="roles/viewer", members=["user:a"], condition=m.Expr(expression="x"))
    with pytest.raises(Refusal, match="not emulated"):
        check_policy(m.Policy(bindings=[binding]))
    with pytest.raises(Refusal, match="unknown type"):
        check_policy(m.Policy(bindings=[m.Binding(role="roles/viewer", members=["ada"])]))
    with pytest.raises(Refusal, match="not supported"):
        check_policy(m.Policy(bindings=[m.Binding(role="viewer", members=["user:a"])]))
