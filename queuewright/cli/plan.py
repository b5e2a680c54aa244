"""`queuewright plan`: the resources that `pulumi up` would build, without its CLI or an account."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from queuewright.blueprint import Blueprint, blueprint
from queuewright.cli.printing import echo, echo_json
from queuewright.cli.project import environment_argument
from queuewright.cli.resources import ACCOUNT, is_grant, words
from queuewright.cli.sources import with_sources_checked
from queuewright.doctor import config_keys, full_key, pulumi_project, stack_config
from queuewright.errors import TargetError
from queuewright.graph import UNKNOWN, Asset, Graph, Resource, capture
from queuewright.spec import find_root, load

PROGRAM = "__main__.py"
STACK_TYPE = "pulumi:pulumi:Stack"
TASK_STACK_TYPE = "queuewright:index:TaskStack"
QUEUE_TYPE = "gcp:cloudtasks/queue:Queue"
SECRET = "(secret)"
"""Stands for a configured value that is encrypted with the stack's key."""

FIRST = ("TaskQueue", "FunctionHandler", "ServiceHandler", "AppEngineHandler")
"""The components that are shown first."""

REFUSED = (
    "the preview refuses an edit that would delete or replace a queue: another project, location, "
    "prefix or key, or removing it"
)
WHY = "the name of a deleted queue cannot be used again for days"
FIXES = (
    "to rename: write `renamed_from: OLD` under the new key; on Google Cloud it keeps its name",
    "to move: add the new queue beside the old one, send tasks to the new one, and keep the old "
    "one, once it is empty, with `desired_state: PAUSED`",
    "to remove: write `protect: false` under it, run `pulumi up`, then delete it from the file",
)


@click.command("plan")
@environment_argument
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(environment: str, as_json: bool) -> None:
    """Show the resources that `pulumi up` would create for an environment.

    Runs the project's program here, without Google or Pulumi's engine. It does not know what
    exists already; `pulumi preview` compares with that.
    """
    root = find_root()
    plan = blueprint(with_sources_checked(load(environment, root), root))
    if not (root / PROGRAM).is_file():
        raise TargetError(
            f"no Pulumi program (`{PROGRAM}`) in `{root}`",
            hint="write one that creates a `TaskStack`; `queuewright explain` needs no program",
        )
    graph = _captured(environment, plan, root)
    if as_json:
        echo_json(_data(plan, graph), indent=2)
    else:
        echo("\n".join(_text(plan, graph)))


def _captured(environment: str, plan: Blueprint, root: Path) -> Graph:
    """The graph of the project's program, whose own output goes to stderr."""
    project = pulumi_project(root)
    name = project.name if project else root.name
    found: dict[str, str | None] = dict.fromkeys(full_key(key, name) for key in config_keys(plan))
    found |= stack_config(root, environment)
    with contextlib.redirect_stdout(sys.stderr):
        return capture(
            root,
            stack=environment,
            project=name,
            config={key: SECRET if value is None else value for key, value in found.items()},
            secrets=[key for key, value in found.items() if value is None],
            preview=True,
        )


def _text(plan: Blueprint, graph: Graph) -> Iterator[str]:
    made = [each for each in graph if each.custom and not each.read]
    where = f"project `{plan.project}`, `{plan.location}`"
    yield f"{plan.environment}: {where}, {len(made)} resources"
    children, notes = _children(graph), _notes(plan, graph)
    for each in graph.of_type(STACK_TYPE):
        yield from _below(graph, children, each, 0, notes)
    protected = _protected(graph)
    if protected:
        yield ""
        yield f"protected: {', '.join(f'`{name}`' for name in protected)}"
        yield f"  {REFUSED}"
        yield f"  why: {WHY}"
        for fix in FIXES:
            yield f"  {fix}"


def _below(
    graph: Graph,
    children: Mapping[str, list[Resource]],
    parent: Resource,
    depth: int,
    notes: Mapping[str, str],
) -> Iterator[str]:
    for each in children.get(parent.urn, ()):
        indent = "  " * depth
        if each.custom:
            yield f"{indent}{words(graph, each)}{', protected' if each.protect else ''}"
        else:
            yield ""
            yield f"{indent}{each.name} ({each.type.rpartition(':')[2]}){_before(each)}"
            if each.urn in notes:
                yield f"{indent}  {notes[each.urn]}"
        yield from _below(graph, children, each, depth + 1, notes)


def _notes(plan: Blueprint, graph: Graph) -> dict[str, str]:
    """What a handler's resources do not say, by the URN of its component."""
    said = {
        f"{stack.name}-{key}": f"includes {', '.join(f'`{path}`' for path in handler.include)}"
        for stack in graph.of_type(TASK_STACK_TYPE)
        for key, handler in plan.handlers.items()
        if handler.include
    }
    return {each.urn: said[each.name] for each in graph if not each.custom and each.name in said}


def _before(component: Resource) -> str:
    """Its former logical names, if it was renamed."""
    names = [urn.rpartition("::")[2] for urn in component.aliases]
    return f", formerly {', '.join(names)}" if names else ""


def _children(graph: Graph) -> dict[str, list[Resource]]:
    """The children of each component: its main resources, accounts, grants, then components."""

    def rank(each: Resource) -> tuple[int, str, str]:
        noun = each.type.rpartition(":")[2]
        if not each.custom:
            return 3 + (FIRST.index(noun) if noun in FIRST else len(FIRST)), each.type, each.name
        if is_grant(each):
            return 2, each.type, each.name
        return int(each.type == ACCOUNT), each.type, each.name

    children: dict[str, list[Resource]] = {}
    for each in graph:
        children.setdefault(each.parent, []).append(each)
    return {urn: sorted(found, key=rank) for urn, found in children.items()}


def _protected(graph: Graph) -> list[str]:
    queues = [each for each in graph if each.type == QUEUE_TYPE and each.protect]
    return sorted(str(each.input("name") or each.name) for each in queues)


def _data(plan: Blueprint, graph: Graph) -> dict[str, object]:
    notes = _notes(plan, graph)
    return {
        "environment": plan.environment,
        "project": plan.project,
        "location": plan.location,
        "protected": {"queues": _protected(graph), "why": WHY, "fixes": FIXES},
        "resources": [
            {
                "urn": each.urn,
                "type": each.type,
                "name": each.name,
                "parent": each.parent or None,
                "words": words(graph, each) if each.custom else notes.get(each.urn),
                "protect": each.protect,
                "inputs": _plain(each.inputs) if each.custom else {},
            }
            for each in graph
        ],
    }


def _plain(value: object) -> object:
    """A value for JSON: null if only the cloud knows it, a path for a file."""
    match value:
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case Asset():
            return value.content
    return None if value is UNKNOWN else value
