"""One resource of a Pulumi program, as the program requests it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from queuewright.graph.wire import Properties, Value


@dataclass(frozen=True)
class Resource:
    """One resource, as the program requests it.

    Attributes:
        urn: Pulumi's unique name, `urn:pulumi:STACK::PROJECT::TYPES::NAME`.
        type: the type token, such as `gcp:cloudtasks/queue:Queue`.
        name: the logical name.
        inputs: the requested properties, named as on the wire (`rateLimits`).
        outputs: the properties it has once created; for a component, its registered outputs.
        id: its id in the cloud; empty for a component and in a preview.
        custom: whether a provider creates it; false for a component.
        parent: the URN of its parent; empty for the stack.
        dependencies: the URNs it waits for, because of `depends_on` or of an input.
        depends_on: the URNs it waits for because of `depends_on` alone.
        property_dependencies: for each input, the URNs whose outputs it uses.
        provider: the URN of its explicit provider; empty for the default provider.
        protect: whether Pulumi refuses to delete or replace it.
        aliases: its former URNs.
        secrets: the paths of inputs that are encrypted in the state.
        unknowns: the paths of inputs that a preview does not know.
        ignore_changes: the inputs whose changes are ignored.
        replace_on_changes: the inputs whose changes replace it.
        retain_on_delete: whether it stays in the cloud when it leaves the program.
        delete_before_replace: whether a replacement deletes first; `None` for the provider's way.
        secret_outputs: the outputs that are encrypted in the state.
        import_id: the id of an existing resource to adopt; empty for none.
        deleted_with: the URN of the resource whose deletion also deletes this one; empty for none.
        hooks: the names of the functions that the engine calls, by step: `before_create`.
        read: whether it was looked up (`Resource.get`) rather than created.
        source: `file:line` of the call that creates it, if known.
    """

    urn: str
    type: str
    name: str
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
    id: str = ""
    custom: bool = True
    parent: str = ""
    dependencies: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    provider: str = ""
    protect: bool = False
    aliases: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    unknowns: tuple[str, ...] = ()
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    retain_on_delete: bool = False
    delete_before_replace: bool | None = None
    secret_outputs: tuple[str, ...] = ()
    import_id: str = ""
    deleted_with: str = ""
    hooks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    read: bool = False
    source: str = ""

    def __str__(self) -> str:
        return f"{self.type}::{self.name}"

    def input(self, path: str) -> Value:
        """The input at `path`, such as `"template.containers[0].image"`; `None` if absent."""
        return _at(self.inputs, path)

    def output(self, path: str) -> Value:
        """The output at `path`, or else the input at `path`."""
        found = _at(self.outputs, path)
        return self.input(path) if found is None else found


def ancestors(resources: Mapping[str, Resource], resource: Resource) -> list[Resource]:
    """The components around `resource`, innermost first, and the stack last."""
    found = []
    while parent := resources.get(resource.parent):
        found.append(parent)
        resource = parent
    return found


def _at(properties: Properties, path: str) -> Value:
    value: Value = properties
    for part in re.findall(r"[^.\[\]]+", path):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value
