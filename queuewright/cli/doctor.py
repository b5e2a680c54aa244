"""`queuewright doctor`: what is missing before `up` can work, and how to fix it."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import click

from queuewright.blueprint import Blueprint, DeployerRole, blueprint, deployer_roles
from queuewright.cli.counted import counted
from queuewright.cli.printing import echo, echo_json
from queuewright.cli.project import environment_argument
from queuewright.doctor import Finding, Machine, ThisMachine, examine
from queuewright.errors import SpecError
from queuewright.local import STATE_FOLDER, find_running
from queuewright.spec import STACKS, find_root, load
from queuewright.spec.fields import MEMBER
from queuewright.terminal import shell_word

PURPOSES = {
    "here": "to run it here with `queuewright up`",
    "deploy": "to deploy it with `pulumi up`",
}


@click.command("doctor")
@environment_argument
@click.option(
    "--roles", is_flag=True, help="Show the roles that `pulumi up` needs, each with its reason."
)
@click.option(
    "--member",
    metavar="MEMBER",
    help="With --roles: print the commands that grant them to MEMBER, such as "
    "`user:ada@example.com`.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(
    ctx: click.Context, environment: str, roles: bool, member: str | None, as_json: bool
) -> None:
    """Show what is missing before `up` can work, and how to fix it.

    Changes nothing. The exit code is 1 if something is missing.
    """
    if member is not None and not roles:
        raise click.UsageError("--member needs --roles")
    if member is not None and not re.fullmatch(MEMBER, member):
        example = "`user:ada@example.com` or `serviceAccount:NAME@PROJECT.iam.gserviceaccount.com`"
        raise click.BadParameter(f"`{member}` is not an IAM member such as {example}")
    root = find_root()
    if roles:
        _print_roles(blueprint(load(environment, root)), member, as_json)
        return
    plan, problems = None, list[Finding]()
    try:
        plan = blueprint(load(environment, root))
    except SpecError as error:
        text = counted(len(error.problems), "problem")
        fix = f"queuewright check {shell_word(environment)}"
        problems = [Finding("here", "missing", f"{STACKS}/{environment}.yaml", text, fix)]
    machine: Machine = ctx.obj or ThisMachine()
    running = find_running(root / STATE_FOLDER)
    runs = running.environment if running else None
    findings = problems + examine(environment, plan, root, machine, runs=runs)
    missing = sum(finding.state == "missing" for finding in findings)
    if as_json:
        data = {
            "environment": environment,
            "project": plan.project if plan else None,
            "missing": missing,
            "findings": [asdict(finding) for finding in findings],
        }
        echo_json(data, indent=2)
    else:
        echo("\n".join(_lines(environment, plan, findings, missing)))
    ctx.exit(1 if missing else 0)


def _lines(
    environment: str, plan: Blueprint | None, findings: Sequence[Finding], missing: int
) -> Iterator[str]:
    where = f": project `{plan.project}`, `{plan.location}`" if plan else ""
    yield f"{environment}{where}"
    for purpose, title in PURPOSES.items():
        yield ""
        yield title
        for finding in findings:
            if finding.purpose == purpose:
                yield f"  {finding.state:<11}  {finding.subject}: {finding.text}"
                if finding.fix:
                    yield f"  {'':<11}    fix: {finding.fix}"
    yield ""
    yield f"{counted(missing, 'thing')} missing" if missing else "nothing is missing"


def _print_roles(plan: Blueprint, member: str | None, as_json: bool) -> None:
    needed = deployer_roles(plan)
    if as_json:
        echo_json([asdict(role) for role in needed], indent=2)
    elif member is not None:
        for role in needed:
            echo(_grant_command(plan, role, member))
    else:
        echo(f"the deployer of {plan.environment} needs, in project `{plan.project}`\n")
        on_accounts = Counter(role.role for role in needed if role.kind == "account")
        for role in needed:
            on = f" on secret `{role.resource}`" if role.kind == "secret" else ""
            if role.kind == "account":
                if not (count := on_accounts.pop(role.role, 0)):
                    continue  # all accounts of a role are one entry
                on = f" on {counted(count, 'service account')}"
            echo(f"  {role.role}{on}\n    {role.because}")


def _grant_command(plan: Blueprint, role: DeployerRole, member: str) -> str:
    """Return the shell command that grants a role.

    https://cloud.google.com/sdk/gcloud/reference/projects/add-iam-policy-binding
    """
    words = ["gcloud", "projects", "add-iam-policy-binding", plan.project]
    if role.kind == "secret":
        words = ["gcloud", "secrets", "add-iam-policy-binding", role.resource]
        words += ["--project", plan.project]
    if role.kind == "account":
        words = ["gcloud", "iam", "service-accounts", "add-iam-policy-binding", role.resource]
        words += ["--project", plan.project]
    words += ["--member", member, "--role", role.role]
    if role.condition is not None:
        words += ["--condition", f"^:^title=queuewright:expression={role.condition}"]
    elif role.kind == "project":
        words += ["--condition", "None"]
    return shlex.join(words)
