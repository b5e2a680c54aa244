"""`queuewright doctor`, as it is seen on machines that lack this or that."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import click
import pytest

from queuewright.blueprint import blueprint, deployer_roles
from queuewright.cli import commands
from queuewright.cli.up import command as up
from queuewright.doctor import Credentials, Finding, Response, ThisMachine, examine
from queuewright.doctor.cloud import FIRST_APIS
from queuewright.doctor.tools import PORTS
from queuewright.spec import load, parse

STACK = """\
project: acme-dev
location: europe-west1
handlers:
  mailer:
    function: {source: handlers/mailer, entry_point: handle, runtime: python312}
    secrets: {SMTP_PASSWORD: {config: smtpPassword}, API_KEY: {secret: api-key, version: "3"}}
  thumbnails:
    service: {source: handlers/thumbnails}
  ledger:
    app_engine: {service: ledger}
queues:
  emails: {handler: mailer}
  photos: {handler: thumbnails}
  entries: {handler: ledger}
"""


@dataclass
class Google:
    """Google's answers to someone who may do all, in a project that has everything."""

    name: str = "ci@acme-dev.iam.gserviceaccount.com"
    denied: frozenset[str] = frozenset()
    disabled: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    """Service accounts that no `up` has made yet."""
    app: str | None = "europe-west"
    secrets: Mapping[str, str] = field(default_factory=lambda: {"api-key/versions/3": "ENABLED"})
    functions: Sequence[Mapping[str, object]] = ({"name": "f/mailer", "state": "ACTIVE"},)
    answers: Mapping[str, Response] = field(default_factory=dict)
    """By host or by verb, instead of all that."""
    bindings: Sequence[Mapping[str, object]] = (
        {"role": "roles/viewer", "members": ["user:ada@example.com"]},
        {
            "role": "roles/cloudtasks.serviceAgent",
            "members": ["serviceAccount:service-815@gcp-sa-cloudtasks.iam.gserviceaccount.com"],
        },
    )
    policies: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """The organization's, by constraint."""

    def ask(self, method: str, url: str, body: Mapping[str, object] | None = None) -> Response:
        parts = urlsplit(url)
        service = parts.hostname.partition(".")[0] if parts.hostname else ""
        verb = parts.path.partition(":")[2]
        for key in (service, verb):
            if key in self.answers:
                return self.answers[key]
        if verb == "getIamPolicy":
            return Response(200, {"bindings": list(self.bindings)})
        if verb == "getEffectiveOrgPolicy":
            assert (method, parts.path) == ("POST", "/v1/projects/acme-dev:getEffectiveOrgPolicy")
            assert body is not None
            constraint = str(body["constraint"]).removeprefix("constraints/")
            return Response(200, self.policies.get(constraint, {}))
        if service == "cloudresourcemanager":
            assert method == "POST"
            assert body is not None
            wanted = body["permissions"]
            assert isinstance(wanted, list)
            return Response(
                200, {"permissions": [each for each in wanted if each not in self.denied]}
            )
        if service == "iam":
            assert body is not None
            wanted = body["permissions"]
            assert isinstance(wanted, list)
            held = [each for each in wanted if each not in self.denied]
            email = parts.path.rpartition("/")[2].partition(":")[0]
            return Response(404) if email in self.absent else Response(200, {"permissions": held})
        if service == "serviceusage":
            names = parse_qs(parts.query)["names"]
            states = [
                {
                    "name": name.replace("acme-dev", "815"),
                    "state": "DISABLED" if name.rpartition("/")[2] in self.disabled else "ENABLED",
                }
                for name in names
            ]
            return Response(200, {"services": states})
        if service == "cloudfunctions":
            place = "/v2/projects/acme-dev/locations/europe-west1/functions"
            assert (method, parts.path) == ("GET", place)
            return Response(200, {"functions": list(self.functions)})
        if service == "appengine":
            return Response(200, {"locationId": self.app}) if self.app else Response(404)
        state = self.secrets.get(parts.path.partition("/secrets/")[2])
        return Response(200, {"state": state}) if state else Response(404)


@dataclass(frozen=True)
class Machine:
    """A machine of the tests' own."""

    home: Path
    programs: Mapping[str, str] = field(
        default_factory=lambda: {"pulumi": "v3.259.0", "docker": "29.1.0", "gcloud": ""}
    )
    packages: Sequence[str] = ("pulumi", "pulumi_gcp", "pulumi_docker_build")
    taken: Sequence[int] = ()
    google: Credentials | str = field(default_factory=Google)
    environ: Mapping[str, str] = field(
        default_factory=lambda: {"PULUMI_BACKEND_URL": "gs://acme-state"}
    )
    python: str = "3.12.4"

    def find(self, program: str) -> Path | None:
        return Path("/usr/bin", program) if program in self.programs else None

    def output(self, *command: str) -> str | None:
        return self.programs.get(command[0]) or None

    def has_package(self, name: str) -> bool:
        return name in self.packages

    def port_is_free(self, port: int) -> bool:
        return port not in self.taken

    def credentials(self) -> Credentials | str:
        return self.google


@pytest.fixture
def complete(project: Path, tmp_path: Path) -> Machine:
    """A project and a machine that lack nothing."""
    (project / "stacks" / "dev.yaml").write_text(STACK, encoding="utf-8")
    (project / "handlers" / "thumbnails").mkdir()
    (project / "handlers" / "thumbnails" / "Dockerfile").write_text("FROM scratch\n")
    (project / "Pulumi.yaml").write_text("name: acme-jobs\nruntime: python\n")
    (project / "Pulumi.dev.yaml").write_text("config:\n  acme-jobs:smtpPassword: {secure: v1:x}\n")
    (project / "__main__.py").touch()
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text(
        '{"credHelpers": {"europe-west1-docker.pkg.dev": "gcloud"}}'
    )
    return Machine(tmp_path)


Examined = tuple[int, str]
Doctor = Callable[..., Examined]


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Call `queuewright doctor` on a machine; its exit code and what it prints."""

    def call(machine: Machine, *words: str) -> Examined:
        code = commands.main(["doctor", *words], obj=machine, standalone_mode=False)
        return code or 0, capsys.readouterr().out

    return call


def test_if_nothing_is_missing_every_finding_is_shown(doctor: Doctor, complete: Machine) -> None:
    """Every line, and exit code 0."""
    apis = {*blueprint(parse(STACK)).apis, *FIRST_APIS}
    assert doctor(complete) == (
        0,
        f"""\
dev: project `acme-dev`, `europe-west1`

to run it here with `queuewright up`
  ok           Python: 3.12.4
  ok           port 8123: free
  ok           port 8124: free

to deploy it with `pulumi up`
  ok           Pulumi CLI: 3.259.0
  ok           Pulumi for Python: installed
  ok           Docker: 29.1.0
  ok           login to `europe-west1-docker.pkg.dev`: set up
  ok           gcloud: found
  ok           Pulumi program: `__main__.py`
  ok           Pulumi's state: `PULUMI_BACKEND_URL` is set
  ok           config `smtpPassword`: set, encrypted; used for `SMTP_PASSWORD` of handler `mailer`
  ok           Google credentials: ci@acme-dev.iam.gserviceaccount.com
  ok           access to `acme-dev`: has every permission that `pulumi up` needs
  ok           APIs: all {len(apis)} enabled
  ok           Cloud Tasks' service agent: has `roles/cloudtasks.serviceAgent`
  ok           organization policies: none of the 5 that could refuse this stack does
  ok           functions: none has failed
  ok           App Engine app: in `europe-west`
  ok           secret `api-key`: version `3` exists

nothing is missing
""",
    )


def test_an_empty_machine_gets_every_command(
    doctor: Doctor, complete: Machine, project: Path
) -> None:
    """In the order to run them, with exit code 1."""
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "__main__.py"):
        (project / name).unlink()
    bare = Machine(complete.home, {}, (), (8123, 8124), "none found", {}, python="3.11.7")
    assert doctor(bare) == (
        1,
        f"""\
dev: project `acme-dev`, `europe-west1`

to run it here with `queuewright up`
  ok           Python: 3.11.7
  advice       handler `mailer`: runs on `python312` in the cloud, but on this Python here
                 fix: python3.12 -m venv .venv
  missing      port 8123: in use by another program
                 fix: queuewright up --grpc-port 0
  missing      port 8124: in use by another program
                 fix: queuewright up --http-port 0

to deploy it with `pulumi up`
  missing      Pulumi CLI: not on the PATH
                 fix: curl -fsSL https://get.pulumi.com | sh
  missing      Pulumi for Python: not installed with queuewright: `pulumi` and `pulumi-gcp` \
and `pulumi-docker-build`
                 fix: pip install 'queuewright[deploy]'
  missing      Docker: not on the PATH; needed to build `thumbnails`
                 fix: https://docs.docker.com/get-docker
  advice       gcloud: not found; only the commands shown here need it
                 fix: https://cloud.google.com/sdk/docs/install
  missing      Pulumi program: no `Pulumi.yaml` and `__main__.py` in `{project}`
                 fix: copy from a new project: queuewright init {project.name}-new
  missing      Pulumi's state: no login, so Pulumi has no place for it
                 fix: pulumi login (Pulumi Cloud), or: pulumi login gs://YOUR-BUCKET
  missing      config `smtpPassword`: not in `Pulumi.dev.yaml`; needed for `SMTP_PASSWORD` of \
handler `mailer`
                 fix: pulumi config set --stack dev --secret smtpPassword
  missing      Google credentials: none found
                 fix: gcloud auth application-default login
  not checked  project `acme-dev`: access, APIs and resources need credentials

9 things missing
""",
    )


def test_json_has_the_same_findings(doctor: Doctor, complete: Machine) -> None:
    """One object, with the count that the exit code follows."""
    code, out = doctor(replace(complete, programs={}), "--json")
    data = json.loads(out)
    assert code == 1
    assert (data["environment"], data["project"], data["missing"]) == ("dev", "acme-dev", 2)
    assert {
        "purpose": "deploy",
        "state": "missing",
        "subject": "Pulumi CLI",
        "text": "not on the PATH",
        "fix": "curl -fsSL https://get.pulumi.com | sh",
    } in data["findings"]


def test_a_broken_file_is_one_thing_missing(
    doctor: Doctor, complete: Machine, project: Path
) -> None:
    """Everything else is still examined."""
    (project / "stacks" / "dev.yaml").write_text("queus: {}\n", encoding="utf-8")
    code, out = doctor(complete)
    assert code == 1
    assert (
        "missing      stacks/dev.yaml: 3 problems\n                 fix: queuewright check dev"
        in out
    )
    assert "ok           Pulumi CLI: 3.259.0" in out
    assert out.endswith("\n1 thing missing\n")


ABSENT = frozenset(
    f"{name}-invoker@acme-dev.iam.gserviceaccount.com" for name in ("mailer", "thumbnails")
)
DISABLED = Response(403, {"error": {"details": [{"reason": "SERVICE_DISABLED"}]}}, "not enabled")


@pytest.mark.parametrize(
    ("google", "subject", "state", "text", "fix"),
    [
        (
            Google(denied=frozenset({"iam.serviceAccounts.actAs"}), absent=ABSENT),
            "service accounts",
            "missing",
            "too few rights on `mailer-handler`, `queuewright-build`, `thumbnails-handler`, which "
            "handlers and queues act as",
            "grant them; see queuewright doctor dev --roles",
        ),
        (
            Google(denied=frozenset({"storage.buckets.create"})),
            "access to `acme-dev`",
            "missing",
            "lacks `storage.buckets.create`; the deployer creates bucket `acme-dev-queuewright` "
            "and uploads packages",
            "grant `roles/storage.admin`; see queuewright doctor dev --roles",
        ),
        (
            Google(answers={"cloudresourcemanager": Response(403, {}, "denied")}),
            "access to `acme-dev`",
            "missing",
            "the project does not exist, or these credentials may not see it",
            "gcloud projects create acme-dev, or ask its owner for access",
        ),
        (
            Google(answers={"cloudresourcemanager": DISABLED}),
            "access to `acme-dev`",
            "missing",
            "`cloudresourcemanager.googleapis.com` is not enabled",
            "gcloud services enable cloudresourcemanager.googleapis.com --project acme-dev",
        ),
        (
            Google(answers={"cloudresourcemanager": Response(500, {}, "Internal error")}),
            "access to `acme-dev`",
            "not checked",
            "Internal error",
            None,
        ),
        (
            Google(answers={"cloudresourcemanager": Response(401, reason="token expired")}),
            "Google credentials",
            "missing",
            "refused: token expired",
            "gcloud auth application-default login",
        ),
        (
            Google(answers={"cloudresourcemanager": Response(None, reason="no response")}),
            "project `acme-dev`",
            "not checked",
            "no response",
            None,
        ),
        (
            Google(disabled=frozenset({"cloudtasks.googleapis.com", "run.googleapis.com"})),
            "APIs",
            "ok",
            "`pulumi up` will enable cloudtasks.googleapis.com, run.googleapis.com",
            None,
        ),
        (
            Google(disabled=frozenset({"cloudresourcemanager.googleapis.com"})),
            "APIs",
            "missing",
            "`pulumi up` needs `cloudresourcemanager.googleapis.com` to start",
            "gcloud services enable cloudresourcemanager.googleapis.com --project acme-dev",
        ),
        (
            Google(answers={"serviceusage": Response(403, {}, "Permission denied")}),
            "APIs",
            "not checked",
            "Permission denied",
            None,
        ),
        (
            Google(
                functions=[
                    {"name": "f/other", "state": "FAILED"},
                    {
                        "name": "f/mailer",
                        "state": "FAILED",
                        "stateMessages": [
                            {"severity": "ERROR", "message": "Build failed: no main.py\nid: 815"},
                            {"severity": "WARNING", "message": "Old runtime"},
                        ],
                    },
                ]
            ),
            "function `mailer`",
            "missing",
            "state `FAILED`, so it does not serve: Build failed: no main.py; Old runtime",
            "when the reason is gone: gcloud functions delete mailer --gen2 --region europe-west1 "
            "--project acme-dev; pulumi refresh --stack dev; pulumi up --stack dev",
        ),
        (
            Google(functions=[{"name": "f/mailer", "state": "FAILED"}]),
            "function `mailer`",
            "missing",
            "state `FAILED`, so it does not serve: Google gives no reason",
            "when the reason is gone: gcloud functions delete mailer --gen2 --region europe-west1 "
            "--project acme-dev; pulumi refresh --stack dev; pulumi up --stack dev",
        ),
        (
            Google(answers={"cloudfunctions": Response(403, {}, "Permission denied")}),
            "functions",
            "not checked",
            "Permission denied",
            None,
        ),
        (
            Google(app=None),
            "App Engine app",
            "missing",
            "`acme-dev` has none",
            "gcloud app create --region europe-west --project acme-dev",
        ),
        (
            Google(app="us-central"),
            "App Engine app",
            "missing",
            "it is in `us-central` and cannot be moved; the queues are in `europe-west1`",
            "write `location: us-central1`",
        ),
        (
            Google(secrets={}),
            "secret `api-key`",
            "missing",
            "version `3` does not exist",
            "gcloud secrets create api-key --project acme-dev; "
            "gcloud secrets versions add api-key --project acme-dev --data-file FILE",
        ),
        (
            Google(secrets={"api-key/versions/3": "DISABLED"}),
            "secret `api-key`",
            "missing",
            "version `3` is disabled",
            "gcloud secrets versions enable 3 --secret api-key --project acme-dev",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_a_problem_in_the_project_has_a_command(
    complete: Machine,
    project: Path,
    google: Google,
    subject: str,
    state: str,
    text: str,
    fix: str | None,
) -> None:
    """Each of Google's answers is one finding, with what mends it."""
    plan = blueprint(parse(STACK))
    machine = replace(complete, google=google)
    findings = examine("dev", plan, project, machine, runs=None)
    assert Finding("deploy", state, subject, text, fix) in findings  # type: ignore[arg-type]


INTERNAL = (
    "write `ingress: internal` (Cloud Tasks of the same project still reaches it), or "
    "ask the organization's administrator to exempt `acme-dev`"
)
WITH_OUTSIDERS = STACK.replace(
    "emails: {handler: mailer}", 'emails: {handler: mailer, enqueuers: ["user:ada@example.com"]}'
)


@pytest.mark.parametrize(
    ("constraint", "policy", "state", "text", "fix"),
    [
        (
            "run.allowedIngress",
            {"listPolicy": {"allowedValues": ["is:internal"]}},
            "missing",
            "refuses the ingress of `mailer`, `thumbnails`",
            INTERNAL,
        ),
        (
            "cloudfunctions.allowedIngressSettings",
            {"listPolicy": {"allowedValues": ["ALLOW_INTERNAL_ONLY", "ALLOW_INTERNAL_AND_GCLB"]}},
            "missing",
            "refuses the ingress of `mailer`",
            INTERNAL,
        ),
        (
            "gcp.restrictNonCmekServices",
            {
                "listPolicy": {
                    "deniedValues": ["is:storage.googleapis.com", "bigquery.googleapis.com"]
                }
            },
            "missing",
            "refuses resources without a key of your own, of `storage.googleapis.com`",
            "ask the organization's administrator to exempt `acme-dev`: queuewright sets no keys",
        ),
        (
            "iam.disableServiceAccountCreation",
            {"booleanPolicy": {"enforced": True}},
            "missing",
            "refuses to create the stack's 5 service accounts",
            "ask the organization's administrator to exempt `acme-dev`",
        ),
        (
            "iam.allowedPolicyMemberDomains",
            {"listPolicy": {"allowedValues": ["C03xgje4y"]}},
            "advice",
            "refuses members of organizations that it does not name; see `user:ada@example.com`",
            "compare with: gcloud org-policies describe iam.allowedPolicyMemberDomains --effective "
            "--project acme-dev",
        ),
        (
            "iam.automaticIamGrantsForDefaultServiceAccounts",
            {"booleanPolicy": {"enforced": True}},
            "advice",
            "gives no role to `acme-dev@appspot.gserviceaccount.com`, so `gcloud app deploy` of "
            "the app's default service fails",
            "gcloud projects add-iam-policy-binding acme-dev --role "
            "roles/cloudbuild.builds.builder --condition None "
            "--member serviceAccount:acme-dev@appspot.gserviceaccount.com",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_a_policy_that_refuses_a_part_of_the_stack_is_named(
    complete: Machine,
    project: Path,
    constraint: str,
    policy: Mapping[str, object],
    state: str,
    text: str,
    fix: str,
) -> None:
    """The constraint, what it refuses, and what to do; a policy that refuses nothing is silent."""
    plan = blueprint(parse(WITH_OUTSIDERS))

    def found(policies: Mapping[str, Mapping[str, object]]) -> list[Finding]:
        machine = replace(complete, google=Google(policies=policies))
        findings = examine("dev", plan, project, machine, runs=None)
        return [each for each in findings if "organization polic" in each.subject]

    subject = f"organization policy `{constraint}`"
    assert found({constraint: policy}) == [
        Finding("deploy", state, subject, text, fix)  # type: ignore[arg-type]
    ]
    harmless = {"listPolicy": {"allValues": "ALLOW"}, "booleanPolicy": {}}
    assert [each.state for each in found({constraint: harmless})] == ["ok"]


def test_policies_that_may_not_be_read_are_not_checked(complete: Machine, project: Path) -> None:
    """The output names the policies that could refuse, and the role that reads them."""
    denied = Response(403, {}, "The caller does not have permission")
    machine = replace(complete, google=Google(answers={"getEffectiveOrgPolicy": denied}))
    findings = examine("dev", blueprint(parse(STACK)), project, machine, runs=None)
    assert (
        Finding(
            "deploy",
            "not checked",
            "organization policies",
            "The caller does not have permission; any of `run.allowedIngress`, "
            "`cloudfunctions.allowedIngressSettings`, `gcp.restrictNonCmekServices`, "
            "`iam.disableServiceAccountCreation`, "
            "`iam.automaticIamGrantsForDefaultServiceAccounts` could refuse a part of it",
            "ask for `roles/orgpolicy.policyViewer`",
        )
        in findings
    )


AGENT = "Cloud Tasks' service agent"


@pytest.mark.parametrize(
    ("google", "expected"),
    [
        (
            Google(bindings=[{"role": "roles/cloudtasks.serviceAgent", "members": ["user:a@b.c"]}]),
            Finding(
                "deploy",
                "missing",
                AGENT,
                "lacks `roles/cloudtasks.serviceAgent`, so it cannot make the tokens of tasks",
                "gcloud projects add-iam-policy-binding acme-dev --role "
                "roles/cloudtasks.serviceAgent --condition None --member serviceAccount:service-"
                "$(gcloud projects describe acme-dev --format 'value(projectNumber)')"
                "@gcp-sa-cloudtasks.iam.gserviceaccount.com",
            ),
        ),
        (
            Google(answers={"getIamPolicy": Response(403, {}, "Permission denied")}),
            Finding("deploy", "not checked", AGENT, "Permission denied"),
        ),
        (Google(disabled=frozenset({"cloudtasks.googleapis.com"}), bindings=[]), None),
    ],
)
def test_cloud_tasks_must_be_able_to_make_tokens(
    complete: Machine, project: Path, google: Google, expected: Finding | None
) -> None:
    """Its agent gets its role when the API is enabled, and somebody may have removed it."""
    machine = replace(complete, google=google)
    findings = examine("dev", blueprint(parse(STACK)), project, machine, runs=None)
    assert [each for each in findings if each.subject == AGENT] == ([expected] if expected else [])


def test_functions_are_not_looked_for_before_their_api_is_enabled(
    complete: Machine, project: Path
) -> None:
    """In an empty project there are none, and nothing is wrong with that."""
    machine = replace(complete, google=Google(answers={"cloudfunctions": DISABLED}))
    found = examine("dev", blueprint(parse(STACK)), project, machine, runs=None)
    assert not [each for each in found if each.subject.startswith("function")]


def test_a_plain_value_is_advised_against(complete: Machine, project: Path) -> None:
    """A secret that anybody can read in the repository works, and should not be there."""
    (project / "Pulumi.dev.yaml").write_text("config:\n  acme-jobs:smtpPassword: hunter2\n")
    plan = blueprint(parse(STACK))
    found = {each.subject: each for each in examine("dev", plan, project, complete, runs=None)}
    assert found["config `smtpPassword`"].state == "advice"
    assert "not encrypted" in found["config `smtpPassword`"].text


@pytest.mark.parametrize(
    ("programs", "text"),
    [
        ({"pulumi": "v4.0.0"}, "found version 4.0.0, needs version 3, at least 3.182"),
        ({"pulumi": "v3.181.0"}, "found version 3.181.0, needs version 3, at least 3.182"),
        ({"pulumi": ""}, "found no version, needs version 3, at least 3.182"),
    ],
)
def test_another_pulumi_is_not_pulumi(
    complete: Machine, project: Path, programs: dict[str, str], text: str
) -> None:
    """The provider and the SDK are made for version 3."""
    found = examine("dev", None, project, replace(complete, programs=programs), runs=None)
    assert text in [each.text for each in found if each.subject == "Pulumi CLI"]


def test_docker_is_asked_for_only_to_build(complete: Machine, project: Path) -> None:
    """A function is built by Google."""
    plan = blueprint(
        parse(STACK.replace("service: {source: handlers/thumbnails}", "url: https://a.example"))
    )
    found = examine("dev", plan, project, replace(complete, programs={}), runs=None)
    assert "Docker" not in [each.subject for each in found]


def test_images_can_be_pushed_only_after_a_login(complete: Machine, project: Path) -> None:
    """Docker's own file says whose registry it knows."""
    plan = blueprint(parse(STACK))
    (complete.home / ".docker" / "config.json").write_text("{}")
    found = {each.subject: each for each in examine("dev", plan, project, complete, runs=None)}
    login = found["login to `europe-west1-docker.pkg.dev`"]
    assert (login.state, login.fix) == (
        "missing",
        "gcloud auth configure-docker europe-west1-docker.pkg.dev",
    )


def test_pip_is_asked_for_only_to_vendor(complete: Machine, project: Path) -> None:
    """A folder without a Dockerfile travels with the packages that it needs."""
    without = "service: {source: handlers/thumbnails, runtime: python312, command: python main.py}"
    plan = blueprint(parse(STACK.replace("service: {source: handlers/thumbnails}", without)))
    found = {each.subject: each for each in examine("dev", plan, project, complete, runs=None)}
    assert found["pip"].fix == "python -m ensurepip"
    machine = replace(complete, packages=(*complete.packages, "pip"))
    subjects = [each.subject for each in examine("dev", plan, project, machine, runs=None)]
    assert "pip" not in subjects


def test_a_running_environment_may_use_its_ports(complete: Machine, project: Path) -> None:
    """The program that listens there is the environment itself."""
    machine = replace(complete, taken=(8123, 8124))
    found = examine("dev", None, project, machine, runs="dev")
    assert [each.state for each in found if each.subject.startswith("port")] == ["ok", "ok"]


def test_a_login_is_found_where_pulumi_keeps_it(complete: Machine, project: Path) -> None:
    """`pulumi login` writes it to the user's folder; `Pulumi.yaml` may say it too."""
    machine = replace(complete, environ={})
    (machine.home / ".pulumi").mkdir()
    (machine.home / ".pulumi" / "credentials.json").write_text('{"current": "gs://here"}')
    texts = [each.text for each in examine("dev", None, project, machine, runs=None)]
    assert "in `gs://here`" in texts
    (project / "Pulumi.yaml").write_text("name: a\nruntime: python\nbackend: {url: gs://there}\n")
    texts = [each.text for each in examine("dev", None, project, machine, runs=None)]
    assert "in `gs://there`, set in `Pulumi.yaml`" in texts


def test_a_project_may_run_out_of_accounts(complete: Machine, project: Path) -> None:
    """A handler takes two, its own and its invoker; a project has 100 by default."""
    handlers = "".join(f"  h{n}: {{service: {{image: i}}}}\n" for n in range(46))
    queues = "".join(f"  q{n}: {{handler: h{n}}}\n" for n in range(46))
    text = f"project: acme-dev\nlocation: europe-west1\nhandlers:\n{handlers}queues:\n"
    many = blueprint(parse(f"{text}{queues}"))
    (found,) = [
        each
        for each in examine("dev", many, project, complete, runs=None)
        if each.subject == "service accounts"
    ]
    assert (found.state, found.text) == (
        "advice",
        "needs 92, and `acme-dev` may have 100 unless its quota was raised",
    )
    fewer = blueprint(
        parse(
            f"{text}{queues}".replace("  q0: {handler: h0}\n", "").replace(
                "  q1: {handler: h1}\n", ""
            )
        )
    )
    assert "service accounts" not in [
        each.subject for each in examine("dev", fewer, project, complete, runs=None)
    ]


def test_the_ports_are_those_of_up() -> None:
    """The doctor looks where `queuewright up` will listen."""
    defaults = {each.default: each.opts[0] for each in up.params if each.opts[0] in PORTS.values()}
    assert defaults == PORTS


def test_roles_are_listed_with_what_they_are_for(
    doctor: Doctor, complete: Machine, project: Path
) -> None:
    """The file alone decides."""
    (project / "stacks" / "dev.yaml").write_text(
        STACK.replace("SMTP_PASSWORD: {config: smtpPassword}, ", ""), encoding="utf-8"
    )
    apis = blueprint(load("dev", project)).apis
    assert doctor(complete, "--roles") == (
        0,
        f"""\
the deployer of dev needs, in project `acme-dev`

  roles/appengine.appViewer
    reads the App Engine app of handler `ledger`
  roles/artifactregistry.admin
    creates repository `queuewright` for images
  roles/cloudfunctions.developer
    deploys function `mailer`
  roles/cloudtasks.queueAdmin
    creates queues `emails`, `photos` and `entries` and grants rights on them
  roles/iam.serviceAccountAdmin on 5 service accounts
    changes and deletes the stack's accounts
  roles/iam.serviceAccountCreator
    creates 5 service accounts
  roles/iam.serviceAccountUser on 5 service accounts
    assigns the stack's accounts to handlers and queues
  roles/resourcemanager.projectIamAdmin
    grants `roles/logging.logWriter` and `roles/storage.objectViewer`, and nothing else
  roles/run.admin
    deploys service `thumbnails` and lets queues call handlers `mailer` and `thumbnails`
  roles/secretmanager.admin on secret `api-key`
    grants handlers the right to read it
  roles/serviceusage.serviceUsageAdmin
    enables {len(apis)} APIs
  roles/storage.admin
    creates bucket `acme-dev-queuewright` and uploads packages
""",
    )


def test_the_commands_grant_each_role_to_the_member(doctor: Doctor, complete: Machine) -> None:
    """One line each, for a shell; what may be granted on the project is narrowed."""
    _, out = doctor(complete, "--roles", "--member", "group:ops@example.com")
    granted = [shlex.split(line) for line in out.splitlines()]
    needed = deployer_roles(blueprint(parse(STACK)))
    assert [words[words.index("--role") + 1] for words in granted] == [each.role for each in needed]
    assert all(words[words.index("--member") + 1] == "group:ops@example.com" for words in granted)
    (limited,) = [words for words in granted if "roles/resourcemanager.projectIamAdmin" in words]
    assert limited[-1] == (
        "^:^title=queuewright:expression=api.getAttribute("
        "'iam.googleapis.com/modifiedGrantsByRole', []).hasOnly("
        "['roles/logging.logWriter', 'roles/storage.objectViewer'])"
    )


def test_this_machine_describes_itself(tmp_path: Path) -> None:
    """The running Python, an installed program, a missing program."""
    machine = ThisMachine()
    assert machine.output("python-that-is-not-there") is None
    assert machine.find("python-that-is-not-there") is None
    script = tmp_path / "tells"
    script.write_text('#!/bin/sh\necho " $1 "\n')
    script.chmod(0o755)
    assert machine.output(str(script), "it") == "it"
    assert machine.has_package("click")
    assert not machine.has_package("package_that_is_not_there")


def test_a_stacks_settings_are_found_where_the_project_keeps_them(
    complete: Machine, project: Path
) -> None:
    """`stackConfigDir` in `Pulumi.yaml` names the folder of `Pulumi.STACK.yaml`."""
    (project / "Pulumi.yaml").write_text(
        "name: acme-jobs\nruntime: python\nstackConfigDir: stacks\n"
    )
    (project / "Pulumi.dev.yaml").rename(project / "stacks" / "Pulumi.dev.yaml")
    plan = blueprint(parse(STACK))
    found = {each.subject: each for each in examine("dev", plan, project, complete, runs=None)}
    assert found["config `smtpPassword`"].state == "ok"


@pytest.mark.parametrize("member", ["allUsers", "foo", "", "user:", "user:ada@example.com | sh"])
def test_roles_are_granted_to_a_member_only(doctor: Doctor, complete: Machine, member: str) -> None:
    """A typing mistake must not reach a shell."""
    with pytest.raises(click.BadParameter, match="is not an IAM member"):
        doctor(complete, "--roles", "--member", member)
