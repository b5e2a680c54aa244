"""A program's resources, as it requests them from the engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pulumi
import pytest
from pulumi_gcp import cloudtasks, organizations, storage

from queuewright.errors import TargetError
from queuewright.testing import UNKNOWN, Asset, Graph, capture
from tests.graph.programs import emails_and_mailer


def graph(**options: bool) -> Graph:
    return capture(emails_and_mailer(), config={"token": "s3cret"}, secrets=["token"], **options)


def test_every_resource_is_there_with_its_inputs() -> None:
    """The graph has the program's resources, with inputs named as on the wire."""
    queue = graph()["emails"]
    assert queue.type == "gcp:cloudtasks/queue:Queue"
    assert queue.input("httpTarget.uriOverride.host") == (
        "mailer-123456789012.europe-west1.run.app"
    )
    assert queue.id == "projects/acme/locations/europe-west1/queues/emails"
    assert queue.protect
    assert queue.aliases == ("urn:pulumi:dev::project::gcp:cloudtasks/queue:Queue::mails",)


def test_dependencies_say_through_which_input() -> None:
    """Dependencies through an input are separate from those of `depends_on`."""
    found = graph()
    service, queue = found["mailer"], found["emails"]
    assert service.urn in queue.property_dependencies["httpTarget"]
    assert queue.depends_on == ()
    assert found["mailer-adds-emails"].depends_on == (service.urn,)
    assert service.urn in found.waits_for(queue)


def test_secrets_are_marked_and_readable() -> None:
    """A secret input is listed by its path."""
    service = graph()["mailer"]
    assert service.secrets == ("template.containers[0].envs[0].value",)
    assert service.input("template.containers[0].envs[0].value") == "s3cret"


def test_a_preview_does_not_know_what_only_the_cloud_can_tell() -> None:
    """In a preview computed values are unknown, and given ones are known."""
    queue = graph(preview=True)["emails"]
    assert queue.input("httpTarget.oidcToken.audience") is UNKNOWN
    assert queue.input("location") == "europe-west1"
    assert queue.id == ""
    assert "httpTarget.oidcToken.audience" in queue.unknowns


def test_two_runs_are_equal() -> None:
    """The same program gives the same graph, in whatever order it makes its requests."""
    assert graph() == graph()


def test_hash_seeds_do_not_matter() -> None:
    """Another process with another PYTHONHASHSEED prints the same inventory."""
    code = (
        "from queuewright.testing import capture\n"
        "from tests.graph.programs import emails_and_mailer\n"
        "print(capture(emails_and_mailer(), config={'token': 't'}, secrets=['token']).inventory())"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


def test_exports_are_kept() -> None:
    """The program's exports are the graph's outputs."""
    assert graph().outputs == {"queue": "projects/acme/locations/europe-west1/queues/emails"}


def test_an_invoke_is_refused() -> None:
    """A program that asks a provider for data is stopped with a hint."""
    with pytest.raises(TargetError, match=r"getProject:getProject(.|\n)*hint: pass the value"):
        capture(lambda: organizations.get_project(project_id="acme"))


def test_two_resources_of_one_name_are_refused() -> None:
    """As by the engine."""

    def program() -> None:
        cloudtasks.Queue("emails", location="europe-west1")
        cloudtasks.Queue("emails", location="europe-west1")

    with pytest.raises(ValueError, match=r"two resources are named .*Queue::emails"):
        capture(program)


def test_an_error_of_the_program_is_raised_as_it_is() -> None:
    """The test gets the program's own error, also from an `apply`."""

    def at_once() -> None:
        raise KeyError("at once")

    def later() -> None:
        queue = cloudtasks.Queue("emails", location="europe-west1")
        pulumi.export("x", queue.id.apply(lambda _: {}["later"]))

    with pytest.raises(KeyError, match="at once"):
        capture(at_once)
    with pytest.raises(KeyError, match="later"):
        capture(later)


def test_a_component_holds_its_children() -> None:
    """Children are found in their component, and their URNs have its type."""

    class Pair(pulumi.ComponentResource):
        def __init__(self, name: str) -> None:
            super().__init__("acme:index:Pair", name)
            child = pulumi.ResourceOptions(parent=self)
            cloudtasks.Queue(f"{name}-queue", location="europe-west1", opts=child)
            self.register_outputs({"kind": "pair"})

    found = capture(lambda: Pair("both") and None)
    (queue,) = found.within("both")
    assert queue.urn == (
        "urn:pulumi:dev::project::acme:index:Pair$gcp:cloudtasks/queue:Queue::both-queue"
    )
    assert found["both"].outputs == {"kind": "pair"}
    assert not found["both"].custom


def test_assets_keep_their_kind() -> None:
    """A file asset, a text asset and an archive keep their kind."""

    def program() -> None:
        storage.BucketObject("a", bucket="b", source=pulumi.FileAsset("setup.py"))
        storage.BucketObject("b", bucket="b", source=pulumi.StringAsset("text"))
        storage.BucketObject("c", bucket="b", source=pulumi.FileArchive("folder"))

    found = capture(program)
    assert found["a"].inputs["source"] == Asset("asset", "path", "setup.py")
    assert found["b"].inputs["source"] == Asset("asset", "text", "text")
    assert found["c"].inputs["source"] == Asset("archive", "path", "folder")


def test_logged_messages_are_kept() -> None:
    """A test can assert the program's warnings."""
    found = capture(lambda: pulumi.log.warn("queue emails is paused"))
    assert found.messages == ("warning: queue emails is paused",)


PROGRAM = """
from pathlib import Path
import pulumi
from pulumi_gcp import cloudtasks
from neighbour import NAME
cloudtasks.Queue(NAME, location=Path("location").read_text(), name=pulumi.get_stack())
pulumi.export("project", pulumi.get_project())
"""


@pytest.mark.parametrize("name", ["", "__main__.py"])
def test_a_program_in_a_folder_runs_there(tmp_path: Path, name: str) -> None:
    """It runs in its folder, can import its modules, and its project has a name."""
    (tmp_path / "__main__.py").write_text(PROGRAM)
    (tmp_path / "neighbour.py").write_text("NAME = 'emails'")
    (tmp_path / "location").write_text("europe-west1")
    (tmp_path / "Pulumi.yaml").write_text("name: my-project\nruntime: python\n")
    before = Path.cwd(), sys.path[:]
    try:
        found = capture(tmp_path / name, stack="prod")
    finally:
        sys.modules.pop("neighbour", None)
    assert found["emails"].inputs == {"location": "europe-west1", "name": "prod"}
    assert found.outputs == {"project": "my-project"}
    assert (Path.cwd(), sys.path) == before


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    """The error has the path and a hint instead of a traceback."""
    with pytest.raises(TargetError, match=r"no-such-folder: no Pulumi program here"):
        capture(tmp_path / "no-such-folder")


def test_the_library_imports_without_pulumi() -> None:
    """`import queuewright.testing` needs no Pulumi, and `capture` says how to install it."""
    code = (
        "import sys\n"
        "sys.modules['pulumi'] = None\n"
        "from queuewright.testing import capture\n"
        "try:\n"
        "    capture(lambda: None)\n"
        "except Exception as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={}
    )
    assert "pip install 'queuewright[deploy]'" in done.stdout


def test_a_clone_has_no_components_of_the_wheel(tmp_path: Path) -> None:
    """The error of a project from `queuewright init` is one line with a hint."""
    (tmp_path / "__main__.py").write_text("from queuewright.components import TaskStack\n")
    with pytest.raises(TargetError, match=r"is part of the wheel, and this is a clone"):
        capture(tmp_path)
