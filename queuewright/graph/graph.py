"""The resources of a Pulumi program, and questions about them.

`capture` (in `capture.py`) makes a graph. Nothing here needs Pulumi.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from queuewright.graph import access, inventory
from queuewright.graph.access import Answer, Grant
from queuewright.graph.provider_types import input_problems
from queuewright.graph.resource import Resource, ancestors
from queuewright.graph.wire import Properties, Value, walk


@dataclass(frozen=True)
class Graph:
    """Every resource of one stack, ordered by URN.

    Attributes:
        project: the name of the Pulumi project.
        stack: the name of the stack.
        resources: the resources by URN.
        outputs: the program's exports.
        secret_outputs: the exports that are encrypted.
        messages: the program's messages to `pulumi.log`, as `"warning: text"`.
    """

    project: str
    stack: str
    resources: Mapping[str, Resource]
    outputs: Properties = field(default_factory=dict)
    secret_outputs: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources.values())

    def __len__(self) -> int:
        return len(self.resources)

    def __getitem__(self, name: str) -> Resource:
        """The resource with this logical name, or this `type::name`.

        Raises:
            LookupError: no resource has it, or several do; the text lists the candidates.
        """
        found = [each for each in self if name in (each.name, str(each), each.urn)]
        if len(found) == 1:
            return found[0]
        if found:
            choices = "\n".join(f"  graph[{str(each)!r}]" for each in found)
            raise LookupError(f"{len(found)} resources are named {name!r}; choose:\n{choices}")
        names = ", ".join(sorted({each.name for each in self if each.custom}))
        raise LookupError(f"no resource is named {name!r}; the program has {names}")

    def of_type(self, type_token: str) -> list[Resource]:
        """The resources of a type, given its token or part of it (`"Queue"`, `"cloudtasks/queue"`).

        >>> from queuewright.graph.graph import Graph, Resource
        >>> queue = Resource("urn:q", "gcp:cloudtasks/queue:Queue", "emails")
        >>> [str(each) for each in Graph("p", "dev", {"urn:q": queue}).of_type("Queue")]
        ['gcp:cloudtasks/queue:Queue::emails']
        """
        pattern = re.compile(rf"(^|[:/]){re.escape(type_token)}(:|$)")
        return [each for each in self if pattern.search(each.type)]

    def counts(self) -> dict[str, int]:
        """The number of resources of each type, including components and the stack."""
        return dict(sorted(Counter(each.type for each in self).items()))

    def ancestors(self, resource: Resource) -> list[Resource]:
        """The components that `resource` is in, innermost first."""
        return ancestors(self.resources, resource)

    def within(self, component: str | Resource) -> list[Resource]:
        """The resources inside a component, at any depth."""
        outer = self[component] if isinstance(component, str) else component
        return [each for each in self if outer in self.ancestors(each)]

    def waits_for(self, resource: Resource) -> set[str]:
        """The URNs of all resources that must exist before `resource`, directly or indirectly."""
        waiting, found = [resource], set[str]()
        while waiting:
            each = waiting.pop()
            for urn in (*each.dependencies, each.provider):
                if urn and urn not in found and urn in self.resources:
                    found.add(urn)
                    waiting.append(self.resources[urn])
        return found

    def grants(self) -> list[Grant]:
        """Who holds which role on which resource, sorted: the program's whole access policy."""
        return access.grants(self.resources)

    def public_resources(self) -> list[str]:
        """What anyone on the internet may use, each as a sentence; `[]` if nothing is public."""
        return access.public_resources(self.resources)

    def may_invoke(self, queue: str, handler: str) -> Answer:
        """Whether the account whose token `queue` sends may call `handler`.

        Args:
            queue: the queue's name: in the cloud, in the program, or of its component.
            handler: the name of a Cloud Run service or a function, likewise.
        """
        return access.may_invoke(self.resources, queue, handler)

    def may_enqueue(self, principal: str, queue: str) -> Answer:
        """Whether `principal` may add tasks to `queue`.

        Args:
            principal: a handler's name, or a member such as `serviceAccount:web@…`.
            queue: the queue's name, as in `may_invoke`; of a pull queue, its topic's is one.
        """
        return access.may_enqueue(self.resources, principal, queue)

    def may_poll(self, principal: str, queue: str) -> Answer:
        """Whether `principal` may take tasks from a pull queue.

        Args:
            principal: a worker's name, or a member such as `serviceAccount:web@…`.
            queue: the pull queue's name, or its subscription's.
        """
        return access.may_poll(self.resources, principal, queue)

    def routes_to(self, queue: str, handler: str) -> Answer:
        """Whether every task of `queue` goes to `handler`, with a token for it."""
        return access.routes_to(self.resources, queue, handler)

    def input_problems(self) -> list[str]:
        """What the provider or Google would refuse in any input; `[]` if nothing."""
        return input_problems(self)

    def inventory(self) -> str:
        """The graph as YAML: exact counts, then each resource's inputs and options."""
        return inventory.text(self.resources)

    def assert_inventory(self, file: str | Path) -> None:
        """Compare with an inventory file.

        Raises:
            AssertionError: they differ; the text has the difference and the command that rewrites
                the file.
        """
        inventory.check(self.resources, Path(file))

    def changes_since(self, before: Graph) -> dict[str, list[str]]:
        """The differences from an earlier graph, by resource: `added`, `removed` or each input.

        Whether a different input means an update or a replacement is up to the provider.
        """
        changes: dict[str, list[str]] = {}
        for urn in sorted({*self.resources, *before.resources}):
            new, old = self.resources.get(urn), before.resources.get(urn)
            if new is None or old is None:
                known = new or old
                changes[str(known)] = ["added" if new else "removed"]
            elif difference := list(_differences(old.inputs, new.inputs)):
                changes[str(new)] = difference
        return changes


def _differences(old: Properties, new: Properties) -> Iterator[str]:
    before, after = dict(_leaves(old)), dict(_leaves(new))
    for path in sorted({*before, *after}):
        if path not in before:
            yield f"{path}: added {after[path]!r}"
        elif path not in after:
            yield f"{path}: removed {before[path]!r}"
        elif before[path] != after[path]:
            yield f"{path}: {before[path]!r} -> {after[path]!r}"


def _leaves(properties: Properties) -> Iterator[tuple[str, Value]]:
    for path, value in walk(properties):
        if not isinstance(value, dict | list) or not value:
            yield path, value
