"""Resources, inventories and differences of a graph."""

from __future__ import annotations

from pathlib import Path

import pytest
from pulumi_gcp import cloudtasks, storage

from queuewright.graph.inventory import REGENERATE
from queuewright.testing import Graph, Resource, capture


def queues(**rates: float) -> Graph:
    def program() -> None:
        for name, rate in rates.items():
            cloudtasks.Queue(name, location="l", rate_limits={"max_dispatches_per_second": rate})

    return capture(program)


def test_a_resource_is_found_by_its_name() -> None:
    """By its logical name, or by type and name if several share the name."""
    shared = {
        "urn:1": Resource("urn:1", "gcp:cloudtasks/queue:Queue", "emails"),
        "urn:2": Resource("urn:2", "acme:index:TaskQueue", "emails"),
    }
    found = Graph("project", "dev", shared)
    assert found["acme:index:TaskQueue::emails"].urn == "urn:2"
    with pytest.raises(LookupError, match=r"2 resources are named 'emails'; choose:"):
        found["emails"]
    with pytest.raises(LookupError, match=r"no resource is named 'mails'; the program has emails"):
        found["mails"]


def test_types_may_be_shortened() -> None:
    """`Queue` finds queues, and not their IAM members."""
    found = queues(emails=1, reports=2)
    assert len(found.of_type("Queue")) == len(found.of_type("gcp:cloudtasks/queue:Queue")) == 2
    assert found.of_type("QueueIamMember") == []


def test_a_change_names_the_resource_and_the_input() -> None:
    """One edited rate is one change, and so is a new queue."""
    before, after = queues(emails=1, reports=2), queues(emails=5, reports=2, audits=1)
    assert after.changes_since(before) == {
        "gcp:cloudtasks/queue:Queue::audits": ["added"],
        "gcp:cloudtasks/queue:Queue::emails": ["rateLimits.maxDispatchesPerSecond: 1 -> 5"],
    }


def test_an_equal_inventory_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file matches the program that it was written from."""
    monkeypatch.delenv("CI", raising=False)
    file = tmp_path / "inventories" / "dev.yaml"
    monkeypatch.setenv(REGENERATE, "1")
    queues(emails=1).assert_inventory(file)
    monkeypatch.delenv(REGENERATE)
    queues(emails=1).assert_inventory(file)
    assert file.read_text() == (
        "counts:\n"
        "  gcp:cloudtasks/queue:Queue: 1\n"
        "  pulumi:pulumi:Stack: 1\n"
        "resources:\n"
        "  gcp:cloudtasks/queue:Queue:\n"
        "    emails:\n"
        "      location: l\n"
        "      rateLimits:\n"
        "        maxDispatchesPerSecond: 1\n"
    )


def test_another_inventory_fails_with_the_difference_and_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure shows the changed line and how to rewrite the file."""
    monkeypatch.delenv(REGENERATE, raising=False)
    file = tmp_path / "dev.yaml"
    file.write_text(queues(emails=1).inventory())
    with pytest.raises(AssertionError) as failure:
        queues(emails=200).assert_inventory(file)
    text = str(failure.value)
    assert "-        maxDispatchesPerSecond: 1\n+        maxDispatchesPerSecond: 200" in text
    assert f"{REGENERATE}=1 pytest tests/graph/test_graph.py::test_another_inventory" in text


def test_ci_never_writes_an_inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On CI an outdated inventory fails, even if a rewrite is requested."""
    monkeypatch.setenv(REGENERATE, "1")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(AssertionError):
        queues(emails=1).assert_inventory(tmp_path / "dev.yaml")
    assert not (tmp_path / "dev.yaml").exists()


def test_the_hash_of_a_content_is_not_in_the_inventory() -> None:
    """New code changes the name of its package, but not the inventory."""

    def program(digest: str) -> Graph:
        return capture(
            lambda: storage.BucketObject("o", bucket="b", name=f"mailer-{digest}.zip") and None
        )

    one, other = program("0123456789abcdef" * 2), program("fedcba9876543210" * 2)
    assert one.inventory() == other.inventory()
    assert "name: mailer-<hash>.zip" in one.inventory()
