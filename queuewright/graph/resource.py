"""One resource of a Pulumi program, as the program asked for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from queuewright.testing.wire import Properties, Value


@dataclass(frozen=True)
class Resource:
    """One resource as the program asked for it.

    Attributes:
        urn: Pulumi's unique name, `urn:pulumi:STACK::PROJECT::TYPES::NAME`.
        type: the type token, such as `gcp:cloudtasks/queue:Queue`.
        name: the logical name.
        inputs: the properties that were asked for, named as on the wire (`rateLimits`).
        outputs: what it would have once made; for a component, what it registered.
        id: what the cloud would call it; empty for a component and in a preview.
        custom: a provider makes it; false for a component.
        parent: the URN of the resource it belongs to; empty for the stack.
        dependencies: the URNs it waits for, by `depends_on` or by an input.
        depends_on: those of them that no input explains.
        property_dependencies: by input, the URNs whose outputs it uses.
        provider: the URN of its explicit provider; empty for the default one.
        protect: a delete or replacement is refused.
        aliases: the URNs it had before.
        secrets: the paths of inputs that are encrypted in the state.
        unknowns: the paths of inputs that only the cloud can tell (in a preview).
        ignore_changes: the inputs whose changes are ignored.
        replace_on_changes: the inputs whose changes replace it.
        retain_on_delete: it stays in the cloud when it leaves the program.
        delete_before_replace: a replacement deletes first; `None` leaves that to the provider.
        secret_outputs: the outputs that are encrypted in the state.
        import_id: the existing thing that it adopts; empty for none.
        deleted_with: the URN of the resource whose deletion deletes it too; empty for none.
        read: it was looked up (`Resource.get`), not made.
        source: `file:line` of the call that made it, where known.
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
    read: bool = False
    source: str = ""

    def __str__(self) -> str:
        return f"{self.type}::{self.name}"

    def input(self, path: str) -> Value:
        """The input at `path`, such as `"template.containers[0].image"`; `None` if not given."""
        return _at(self.inputs, path)

    def output(self, path: str) -> Value:
        """The output at `path`; an input that has no output of its own is one too."""
        found = _at(self.outputs, path)
        return self.input(path) if found is None else found


def ancestors(resources: Mapping[str, Resource], resource: Resource) -> list[Resource]:
    """The components that `resource` is in, innermost first, the stack last."""
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
