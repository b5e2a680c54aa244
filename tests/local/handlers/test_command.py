"""How a handler runs here follows from its plan and its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuewright.blueprint import blueprint
from queuewright.errors import TargetError
from queuewright.local.handlers.command import Caught, Command, Elsewhere, how_it_runs, on_loopback
from queuewright.spec import load
from tests.local.conftest import Project

FUNCTION = "handlers: {h: {function: {source: h, entry_point: handle, runtime: python312}%s}}"
SERVICE = "handlers: {h: {service: {source: h%s}}}"
ENGINE = "handlers: {h: {app_engine: {service: s, source: h, runtime: %s}}}"


def how(project: Project, spec: str) -> Command | Elsewhere | Caught:
    project.spec(spec)
    return how_it_runs(project.blueprint().handlers["h"], project.root)


def command(project: Project, spec: str) -> Command:
    found = how(project, spec)
    assert isinstance(found, Command)
    return found


def test_a_function_is_served_by_the_functions_framework(project: Project) -> None:
    """In its own folder, for its own entry point, on loopback."""
    project.write("h/main.py", "")
    found = command(project, FUNCTION % "")
    assert found.argv[:3] == ("python", "-m", "functions_framework")
    assert found.argv[3:] == ("--target", "handle", "--host", "127.0.0.1")
    assert found.folder == (project.root / "h").resolve()
    assert found.requirements is None


@pytest.mark.parametrize(
    ("requirements", "needs"),
    [
        ("flask\n", "functions-framework"),
        ("flask\nfunctions-framework==3.10.2\n", None),
        ("Functions_Framework >= 3\n", None),
        ("functions-framework[x]; python_version > '3'\n", None),
        ("functions-framework-extras\n", "functions-framework"),
        ("# functions-framework\n", "functions-framework"),
    ],
)
def test_the_framework_is_added_where_the_requirements_lack_it(
    project: Project, requirements: str, needs: str | None
) -> None:
    """As Google's build does; a name may be written in several ways."""
    project.write("h/main.py", "")
    file = project.write("h/requirements.txt", requirements)
    found = command(project, FUNCTION % "")
    assert found.requirements is not None
    assert found.requirements.samefile(file)
    assert found.needs == needs


def test_a_service_runs_what_its_dockerfile_says(project: Project) -> None:
    """Command, variables and the working folder within what was copied."""
    project.write(
        "h/Dockerfile", 'FROM x\nENV A=1\nCOPY . /app\nWORKDIR /app/web\nCMD ["node", "s.js"]\n'
    )
    project.write("h/web/s.js", "")
    found = command(project, SERVICE % "")
    assert found.argv == ("node", "s.js")
    assert found.environment == {"A": "1"}
    assert found.folder == (project.root / "h" / "web").resolve()


def test_a_working_folder_that_only_the_image_has_becomes_the_handlers_folder(
    project: Project,
) -> None:
    """`WORKDIR` may name what a build makes."""
    project.write("h/Dockerfile", "FROM x\nCOPY . /app\nWORKDIR /app/dist\nCMD run\n")
    assert command(project, SERVICE % "").folder == (project.root / "h").resolve()


def test_a_service_without_a_dockerfile_runs_its_command(project: Project) -> None:
    """`command` of the spec, a text for the shell."""
    project.write("h/main.py", "")
    found = command(project, SERVICE % ", runtime: python312, command: gunicorn app:app")
    assert found.argv == ("/bin/sh", "-c", "gunicorn app:app")


def test_an_app_engine_service_runs_its_entrypoint(project: Project) -> None:
    """A text for the shell, as in app.yaml."""
    project.write("h/main.py", "")
    found = command(project, ENGINE % "nodejs22, entrypoint: node server.js")
    assert found.argv == ("/bin/sh", "-c", "node server.js")


def test_an_app_engine_service_without_entrypoint_runs_gunicorn(project: Project) -> None:
    """App Engine's own default for Python, which it installs too."""
    project.write("h/main.py", "")
    project.write("h/requirements.txt", "flask\n")
    found = command(project, ENGINE % "python312")
    assert found.argv[:4] == ("python", "-m", "gunicorn", "main:app")
    assert found.needs == "gunicorn"


@pytest.mark.parametrize(
    ("written", "runs"),
    [
        ("gunicorn --bind :$PORT app:app", "gunicorn --bind 127.0.0.1:$PORT app:app"),
        ("gunicorn -b=:${PORT:-8080} app:app", "gunicorn -b=127.0.0.1:${PORT:-8080} app:app"),
        ("gunicorn -b 0.0.0.0:8080 app:app", "gunicorn -b 127.0.0.1:8080 app:app"),
        ("uvicorn --host 0.0.0.0 --port $PORT app:app", None),
        ("serve --listen [::]:$PORT", "serve --listen 127.0.0.1:$PORT"),
        ("serve --listen localhost:$PORT", "serve --listen localhost:$PORT"),
        ("serve 10.0.0.0:8080 --time 12:3000", "serve 10.0.0.0:8080 --time 12:3000"),
        ("python -m http.server $PORT", "python -m http.server $PORT"),
    ],
)
def test_a_containers_command_listens_on_this_machine_alone(written: str, runs: str | None) -> None:
    """Here, only the front door may listen for others."""
    assert on_loopback(written) == (runs or written.replace("0.0.0.0", "127.0.0.1"))


def test_addresses_in_a_dockerfile_become_loopback(project: Project) -> None:
    """In its command and in its variables; a command of `local` is run as it is written."""
    project.write("h/Dockerfile", 'FROM x\nENV HOST=0.0.0.0\nCMD ["serve", "--bind", ":$PORT"]\n')
    found = command(project, SERVICE % "")
    assert found.argv == ("serve", "--bind", "127.0.0.1:$PORT")
    assert found.environment == {"HOST": "127.0.0.1"}
    own = command(project, SERVICE % "}, local: {command: [serve, --bind, 0.0.0.0]")
    assert own.argv == ("serve", "--bind", "0.0.0.0")


def test_a_local_command_wins(project: Project) -> None:
    """Whatever the kind of the handler."""
    (project.root / "h").mkdir()
    found = command(project, FUNCTION % ", local: {command: [deno, run, main.ts]}")
    assert found.argv == ("deno", "run", "main.ts")


def test_a_local_url_starts_nothing(project: Project) -> None:
    """The handler runs already."""
    (project.root / "h").mkdir()
    found = how(project, FUNCTION % ", local: {url: 'http://127.0.0.1:3000'}")
    assert found == Elsewhere("http://127.0.0.1:3000")


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("handlers: {h: {url: 'https://partner.example/hooks'}}", "somebody else's"),
        ("handlers: {h: {service: {image: europe-docker.pkg.dev/p/r/i}}}", "it is an image"),
        ("handlers: {h: {app_engine: {service: s}}}", "its code is not in this project"),
    ],
)
def test_a_handler_without_code_here_is_caught_for_a_reason(
    project: Project, spec: str, reason: str
) -> None:
    """Nothing leaves this machine by accident."""
    found = how(project, spec)
    assert isinstance(found, Caught)
    assert reason in found.reason


@pytest.mark.parametrize(
    ("files", "spec", "message", "hint"),
    [
        ((), FUNCTION % "", "no `h/main.py`", "file of that name"),
        (("h/go.mod",), FUNCTION.replace("python312", "go124") % "", "go124", "local: {command:"),
        ((), ENGINE % "nodejs22", "nodejs22", "entrypoint"),
    ],
)
def test_a_handler_that_cannot_run_here_is_an_error_with_a_hint(
    project: Project, files: tuple[str, ...], spec: str, message: str, hint: str
) -> None:
    """Each hint works when it is pasted."""
    (project.root / "h").mkdir()
    for file in files:
        project.write(file, "")
    with pytest.raises(TargetError) as refused:
        how(project, spec)
    assert "`h`" in str(refused.value)
    assert message in str(refused.value)
    assert hint in str(refused.value)


def test_a_dockerfile_without_a_command_is_an_error_with_a_hint(
    project: Project,
) -> None:
    """The base image is not read."""
    project.write("h/Dockerfile", "FROM nginx\nCOPY . /usr/share/nginx/html\n")
    with pytest.raises(TargetError, match="neither CMD nor ENTRYPOINT"):
        how(project, SERVICE % "")


def test_a_dockerfile_that_went_away_is_an_error(project: Project) -> None:
    """It was there when the spec was read."""
    file = project.write("h/Dockerfile", "FROM x\nCMD run\n")
    project.spec(SERVICE % "")
    plan = project.blueprint().handlers["h"]
    file.unlink()
    with pytest.raises(TargetError, match="no `h/Dockerfile`"):
        how_it_runs(plan, project.root)


def test_a_folder_that_went_away_is_an_error_with_its_place(project: Project) -> None:
    """The spec was right when it was read."""
    project.write("h/main.py", "")
    project.spec(FUNCTION % "")
    plan = project.blueprint().handlers["h"]
    with pytest.raises(TargetError, match=r"`h` does not exist[\s\S]*stacks/dev.yaml:3"):
        how_it_runs(plan, Path(project.root / "elsewhere"))


@pytest.mark.parametrize(
    ("stack", "caught"),
    [
        ("dev", {"webhook"}),
        ("staging", {"webhook"}),
        ("prod", {"webhook", "thumbnails", "ledger", "reporter"}),
    ],
)
def test_the_shipped_stacks_run_here_as_far_as_their_code_is_here(
    stack: str, caught: set[str]
) -> None:
    """An image and a service that others deploy have no code here: their tasks are caught."""
    root = Path(__file__).parents[3]
    handlers = blueprint(load(stack, root)).handlers
    found = {key: how_it_runs(handler, root) for key, handler in handlers.items()}
    assert {key for key, each in found.items() if isinstance(each, Caught)} == caught
    assert not any(isinstance(each, Elsewhere) for each in found.values())


WORKER = "handlers: {h: {worker: {source: h%s}}}"


def test_a_worker_runs_what_its_dockerfile_says(project: Project) -> None:
    """As a service does."""
    project.write("h/Dockerfile", 'FROM x\nENV A=1\nCMD ["python", "main.py"]\n')
    found = command(project, WORKER % "")
    assert found.argv == ("python", "main.py")
    assert found.environment == {"A": "1"}


def test_a_workers_command_replaces_its_dockerfiles(project: Project) -> None:
    """The variables and the folder stay the image's."""
    project.write("h/Dockerfile", "FROM x\nENV A=1\nCOPY . /app\nWORKDIR /app/web\nCMD run\n")
    project.write("h/web/s.py", "")
    found = command(project, WORKER % ", command: [python, s.py]")
    assert found.argv == ("python", "s.py")
    assert found.environment == {"A": "1"}
    assert found.folder == (project.root / "h" / "web").resolve()


def test_a_worker_that_is_an_image_does_not_run_here(project: Project) -> None:
    """Unless a command says how."""
    image = "handlers: {h: {worker: {image: europe-docker.pkg.dev/a/b/c}%s}}"
    assert isinstance(how(project, image % ""), Caught)
    assert command(project, image % ", local: {command: ./run}").argv[-1] == "./run"
