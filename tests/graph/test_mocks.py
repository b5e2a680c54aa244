"""Pulumi's mocks with Google's values. That they run under `set_mocks`, the testing guide shows."""

from __future__ import annotations

import sys

import pulumi
import pytest
from pulumi.runtime import MockCallArgs, MockResourceArgs

from queuewright.errors import TargetError
from queuewright.graph import GoogleMocks, capture
from tests.components.projects import ROOT


def test_they_are_mocks_of_pulumi() -> None:
    """Which `set_mocks` takes."""
    assert isinstance(GoogleMocks(), pulumi.runtime.Mocks)


def test_every_resource_of_the_example_has_the_outputs_that_a_graph_has() -> None:
    """One place knows what Google computes."""
    mocks = GoogleMocks(project="acme-staging")
    resources = [each for each in capture(ROOT, stack="staging") if each.custom and not each.read]
    assert len(resources) > 50
    for each in resources:
        if each.type.startswith("pulumi:"):
            continue
        args = MockResourceArgs(each.type, each.name, dict(each.inputs), custom=True)
        assert mocks.new_resource(args) == (each.id, each.outputs), str(each)


def test_a_component_has_no_id_and_an_imported_resource_its_own() -> None:
    """And both have their inputs."""
    component = MockResourceArgs("my:Component", "it", {"size": 3}, custom=False)
    assert GoogleMocks().new_resource(component) == (None, {"size": 3})
    imported = MockResourceArgs("other:Thing", "it", {"size": 3}, resource_id="17", custom=True)
    assert GoogleMocks().new_resource(imported) == ("17", {"size": 3})


def test_a_question_to_a_provider_is_refused_unless_a_subclass_answers() -> None:
    """With the way to answer it."""
    asked = MockCallArgs("gcp:organizations/getProject:getProject", {}, "")
    with pytest.raises(TargetError, match="in its method `call`"):
        GoogleMocks().call(asked)

    class Answering(GoogleMocks):
        def call(self, _: MockCallArgs) -> tuple[dict[str, object], None]:
            return {"number": "17"}, None

    assert isinstance(Answering(), pulumi.runtime.Mocks)
    assert Answering().call(asked) == ({"number": "17"}, None)


def test_without_pulumi_they_say_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name itself can be imported."""
    monkeypatch.setitem(sys.modules, "pulumi.runtime", None)
    with pytest.raises(TargetError, match=r"pip install 'queuewright\[deploy\]'"):
        GoogleMocks()
