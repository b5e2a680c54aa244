"""`docs/guides/deploy.md`: what it shows is what one sees, and what it promises holds."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pulumi import automation

from queuewright.blueprint import (
    BUILD_FUNCTIONS,
    READ_PACKAGES,
    WRITE_IMAGES,
    build_app_engine,
)
from queuewright.cli import commands
from queuewright.doctor.cloud import FIRST_APIS
from queuewright.spec import load
from queuewright.testing import capture
from tests.cli.test_doctor import Machine
from tests.components.projects import ROOT, shipped_stacks, this_project
from tests.pulumi_double.engine import (
    TOOLS,
    Deployment,
    EngineError,
    deployment,
    require_engine,
)

PAGE = (ROOT / "docs" / "guides" / "deploy.md").read_text("utf-8")
FENCES = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.M | re.S)
SHELL = "\n".join(text for language, text in FENCES if language == "sh").replace("\\\n", " ")
FUNCTION = "gcp:cloudfunctionsv2/function:Function"
QUEUE = "gcp:cloudtasks/queue:Queue"


def shown_after(words: str) -> str:
    """The fence that follows these words."""
    return next(
        text for _, text in re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.split(words)[1], re.M | re.S)
    )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project that ships, and one is in it."""
    folder = this_project(tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


def rewrite(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_the_deployers_roles_are_as_shown(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole output, computed from `stacks/prod.yaml`."""
    assert project
    commands.main(["doctor", "prod", "--roles"], standalone_mode=False)
    assert capsys.readouterr().out == shown_after("$ queuewright doctor prod --roles\n```\n")


def test_what_the_doctor_says_of_an_empty_machine_is_as_shown(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each line, in this order, among others."""
    assert project
    bare = Machine(tmp_path, programs={}, google="none found", environ={})
    commands.main(["doctor", "prod"], obj=bare, standalone_mode=False)
    said: Iterator[str] = iter(capsys.readouterr().out.splitlines())
    for line in shown_after("$ queuewright doctor prod\n```\n").splitlines():
        assert line in said, line


def test_the_outputs_are_as_shown() -> None:
    """Every name of dev; the project's number is Google's to give."""
    assert json.loads(shown_after("pulumi stack output --json --stack dev` prints again:\n")) == (
        capture(ROOT, stack="dev").outputs
    )


def test_the_environments_and_projects_are_those_that_ship() -> None:
    """`for environment in …` names each, and each is in the project that the page makes."""
    loops = set(re.findall(r"^for environment in (.*); do$", SHELL, re.M))
    assert loops == {"dev staging prod", "staging prod"}
    assert set(shipped_stacks()) == {"dev", "staging", "prod"}
    app_engine = set()
    for environment in shipped_stacks():
        spec = load(environment, ROOT)
        assert spec.project == f"acme-{environment}"
        if any(handler.app_engine for handler in spec.handlers.values()):
            app_engine.add(environment)
    assert app_engine == {"staging", "prod"}


def test_the_apis_that_come_first_are_enabled_by_hand() -> None:
    """Those that the provider asks before it can enable any other."""
    assert f"gcloud services enable {' '.join(FIRST_APIS)} --project acme-$environment" in SHELL


def test_a_pinned_secret_has_the_version_that_the_page_makes() -> None:
    """Each `versions add` makes the next number; prod pins what is there by then."""
    for environment in shipped_stacks():
        for handler in load(environment, ROOT).handlers.values():
            for secret in handler.secrets.values():
                if secret.secret is None or secret.version == "latest":
                    continue
                added = re.findall(rf"gcloud secrets versions add {secret.secret} ", SHELL)
                assert secret.version == str(len(added)), secret.secret
                assert f'{{secret: {secret.secret}, version: "{secret.version}"}}' in PAGE
    assert "gcloud secrets create smtp-password --project acme-prod " in SHELL


def test_an_image_that_is_not_built_by_the_stack_is_built_by_the_page() -> None:
    """In the repository that it makes for it, from the folder that is there."""
    images = [
        handler.service.image
        for environment in shipped_stacks()
        for handler in load(environment, ROOT).handlers.values()
        if handler.service is not None and handler.service.image is not None
    ]
    assert images
    for image in images:
        host, project, repository, _ = image.split("/")
        location = host.removesuffix("-docker.pkg.dev")
        made = rf"gcloud artifacts repositories create {repository} --project {project} "
        assert re.search(rf"{made}--location {location} +--repository-format docker\n", SHELL)
        (folder,) = re.findall(rf"docker build .* --tag {re.escape(image)} (\S+)\n", SHELL)
        assert (ROOT / folder / "Dockerfile").is_file()
        assert SHELL.index(f"docker push {image}\n") < SHELL.index("pulumi up ")


def test_every_app_engine_app_gets_its_first_service() -> None:
    """In each environment that sends tasks to App Engine, before the first `up`."""
    (loop,) = re.findall(r"^for environment in (.*); do\n  gcloud app deploy \S+ ", SHELL, re.M)
    enables = "  gcloud services enable appengine.googleapis.com cloudbuild.googleapis.com .*\n"
    (made,) = re.findall(
        rf"^for environment in (.*); do\n{enables}  gcloud app create ", SHELL, re.M
    )
    assert loop == made == "staging prod"
    assert SHELL.index("gcloud app deploy ") < SHELL.index("pulumi up ")


def test_every_environment_goes_up_once_it_has_what_it_needs() -> None:
    """Dev first, and the others after their apps, secrets and images were made by hand."""
    ups = set(re.findall(r"pulumi up --stack (\S+)", SHELL))
    assert {"dev", "$environment"} <= ups
    last = SHELL.index("pulumi up --stack $environment")
    for made in ("gcloud app deploy", "gcloud secrets versions add", "docker push"):
        assert SHELL.index(made) < last


def test_one_is_logged_in_and_finds_pulumi_before_either_is_used() -> None:
    """Both logins, and the PATH after the installation of Pulumi."""
    logins = ("gcloud auth login\n", "gcloud auth application-default login\n")
    assert SHELL.index(logins[0]) < SHELL.index(logins[1]) < SHELL.index("gcloud projects create")
    assert SHELL.index('export PATH="$HOME/.pulumi/bin:$PATH"\n') < SHELL.index("pulumi login")


def test_the_page_says_what_an_up_costs_and_how_long_it_takes() -> None:
    """With a page of Google's for each price and time."""
    told = PAGE.split("## What it costs, and how long it takes\n")[1].split("\n## ")[0]
    for page in (
        "tasks/pricing",
        "run/docs/configuring/min-instances",
        "artifact-registry/pricing",
    ):
        assert f"(https://cloud.google.com/{page}" in told
    assert "(https://cloud.google.com/iam/docs/access-change-propagation)" in told


def bindings() -> set[tuple[str, ...]]:
    """What, role and member of each grant that the page makes by hand."""
    found = set()
    for line in SHELL.splitlines():
        words = shlex.split(line, comments=True)
        if "add-iam-policy-binding" in words:
            what = words[words.index("add-iam-policy-binding") + 1]
            given = (words[words.index(option) + 1] for option in ("--role", "--member"))
            found.add((what, *given))
    return found


def test_the_builders_roles_are_those_that_are_granted() -> None:
    """The guide has a row for each right of the build account and of an App Engine version."""
    section = PAGE.split("## The builders' roles")[1].split("\n## ")[0]
    functions, versions = section.split("App Engine builds a version")
    rows = [
        sorted(re.findall(r"`(roles/[\w.]+)`", "".join(re.findall(r"^\|(.*?)\|", part, re.M))))
        for part in (functions, versions)
    ]
    granted = [*(each.role for each in BUILD_FUNCTIONS), READ_PACKAGES, WRITE_IMAGES]
    assert rows[0] == sorted(granted)
    assert rows[1] == sorted([*(each.role for each in build_app_engine("acme")), READ_PACKAGES])


def test_the_accounts_of_ci_have_these_rights_and_no_others() -> None:
    """No key, no role on a project but those that `doctor` computes, and a subject for each.

    The build account gets a wider role by hand only if its own are too few.
    """
    builder = "serviceAccount:queuewright-build@acme-dev.iam.gserviceaccount.com"
    repository = "$pool/subject/repo:acme/jobs"
    user, reads = "roles/iam.workloadIdentityUser", "roles/cloudkms.cryptoKeyDecrypter"
    assert bindings() == {
        ("$previewer", user, f"{repository}:pull_request"),
        ("gs://acme-pulumi-state", "roles/storage.objectViewer", "serviceAccount:$previewer"),
        ("$key", reads, "serviceAccount:$previewer"),
        ("$deployer", user, f"{repository}:environment:$environment"),
        ("gs://acme-pulumi-state", "roles/storage.objectUser", "serviceAccount:$deployer"),
        ("$key", reads, "serviceAccount:$deployer"),
        ("acme-dev", "roles/run.builder", builder),
    }
    assert "service-accounts keys" not in SHELL
    assert "doctor $environment --roles --member serviceAccount:$deployer | sh" in SHELL
    assert "assertion.repository == 'acme/jobs'" in SHELL


@pytest.mark.engine
def test_every_pulumi_command_exists_with_its_options() -> None:
    """As the CLI that the tests run says in its help."""
    require_engine()
    found = re.findall(r"\bpulumi ((?:[a-z]+ )*[a-z]+)\b(.*)", SHELL)
    assert len(found) >= 7
    for words, rest in found:
        command = words.split()[: 2 if words.startswith(("stack ", "config ")) else 1]
        done = subprocess.run(
            [str(TOOLS / "bin" / "pulumi"), *command, "--help"],
            capture_output=True,
            text=True,
            check=True,
        )
        for option in re.findall(r"(?<!\S)--[a-z-]+", rest):
            assert re.search(rf"{option}\b", done.stdout), f"pulumi {' '.join(command)}: {option}"


@pytest.mark.engine
def test_an_up_without_questions_is_previewed() -> None:
    """`--yes` agrees to the preview, in which a protected queue is refused; it leaves none out."""
    require_engine()
    command = [str(TOOLS / "bin" / "pulumi"), "up", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert re.search(
        r"--yes +Automatically approve and perform the update after previewing it", told
    )


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the project that ships, production's state and its cloud, all up."""
    folder = tmp_path_factory.mktemp("settled")
    project = this_project(folder / "project")
    with deployment(project, folder, stack="prod") as running:
        running.up()
    return folder


@pytest.fixture
def prod(settled: Path, tmp_path: Path) -> Iterator[Deployment]:
    """A copy of it, which a test may edit."""
    folder = tmp_path / "settled"
    shutil.copytree(settled, folder)
    with deployment(folder / "project", folder, stack="prod") as running:
        yield running


def stack_file(running: Deployment, name: str = "prod") -> Path:
    return running.folder / "project" / "stacks" / f"{name}.yaml"


@pytest.mark.engine
def test_moving_a_protected_queue_is_refused_in_these_words(prod: Deployment) -> None:
    """In the preview, which touches nothing; without one, an update has begun by then."""
    before, updates = prod.cloud.contents(), len(prod.stack.history())
    rewrite(stack_file(prod, "full"), "location: europe-west1", "location: europe-west4")
    with pytest.raises(EngineError) as refused:
        prod.preview()
    said = re.sub(r"\s+", " ", str(refused.value))
    assert re.sub(r"\s+", " ", shown_after("before anything is done:\n")).strip() in said
    assert prod.cloud.contents() == before
    assert len(prod.stack.history()) == updates
    with pytest.raises(EngineError):
        prod.up()  # the Automation API skips the preview
    # How much was changed by then depends on which resources Pulumi came to first.
    last, *others = prod.stack.history()
    assert (last.kind, last.result, len(others)) == ("update", "failed", updates)


@pytest.mark.engine
def test_a_preview_writes_nothing_where_the_state_is(prod: Deployment) -> None:
    """Not even a lock, so that a previewer who may only read can make one."""

    def written() -> dict[str, int]:
        files = (prod.folder / "backend").rglob("*")
        return {str(each): each.stat().st_mtime_ns for each in files}

    before = written()
    rewrite(stack_file(prod), "max: 50", "max: 40")
    assert "tasks-mailer-function" in prod.preview().names("update")
    assert written() == before
    prod.up()
    assert written() != before


@pytest.mark.engine
def test_old_code_is_the_old_package(prod: Deployment) -> None:
    """A rollback deploys the one handler that differs, from the package it had before."""

    def source() -> object:
        ((_, function),) = prod.cloud.of_type(FUNCTION)
        config = function["buildConfig"]
        assert isinstance(config, dict)
        packed = config["source"]
        assert isinstance(packed, dict)
        stored = packed["storageSource"]
        assert isinstance(stored, dict)
        return stored["object"]

    code = prod.folder / "project" / "handlers" / "mailer" / "main.py"
    before, text = source(), code.read_text()
    code.write_text(f"{text}\n# worse\n")
    prod.up()
    assert source() != before
    code.write_text(text)
    # The preview does not know yet that the function keeps its address.
    assert prod.preview().names("update") == [
        "tasks-emails-dead_letters",
        "tasks-emails-queue",
        "tasks-mailer-function",
    ]
    assert prod.up().names("update") == ["tasks-mailer-function"]
    assert source() == before


@pytest.mark.engine
def test_without_its_preview_a_destroy_begins_before_it_is_refused(prod: Deployment) -> None:
    """Grants are gone by the time the queues are come to."""
    before = prod.cloud.contents()
    with pytest.raises(EngineError, match="protected"):
        prod.destroy()
    assert prod.cloud.contents() == before
    with pytest.raises(automation.errors.CommandError, match="protected"):
        prod.stack.destroy()  # likewise
    left = set(prod.cloud.contents())
    assert left < set(before)
    queues = {each for each in before if each.startswith(f"{QUEUE} ")}
    assert queues <= left
