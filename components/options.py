"""The resource options that a component passes on to its children."""

from __future__ import annotations

from collections.abc import Iterable

import pulumi

Alias = pulumi.Input[pulumi.Alias | str]


def former_names(name: str, key: str | None, renamed_from: Iterable[str]) -> list[str]:
    """The former logical names of the component `name`, which ends in its key.

    >>> former_names("tasks-letters", "letters", ["emails"]), former_names("post", None, ["mail"])
    (['tasks-emails'], ['mail'])
    """
    return [name.removesuffix(key or name) + each for each in renamed_from]


def renamed(
    opts: pulumi.ResourceOptions | None, former: Iterable[str]
) -> pulumi.ResourceOptions | None:
    """The options of a component with these former names.

    Pulumi then also finds its children by their former names, which begin with the component's.
    """
    aliases = _aliases(former)
    if not aliases:
        return opts
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=aliases))


def within(
    parent: pulumi.Resource,
    opts: pulumi.ResourceOptions | None,
    *,
    after: Iterable[pulumi.Resource] = (),
    former: Iterable[str] = (),
    aliases: Iterable[Alias] = (),
    hooks: pulumi.ResourceHookBinding | None = None,
) -> pulumi.ResourceOptions:
    """The options of a child.

    A child inherits its component's provider and `protect`, but not `depends_on`: it would be
    created before the resources that its component waits for.

    Args:
        parent: the component.
        opts: the component's own options.
        after: further resources that the child waits for.
        former: the child's former logical names.
        aliases: further aliases of the child.
        hooks: the functions that the engine calls before and after its steps.
    """
    return pulumi.ResourceOptions(
        parent=parent,
        depends_on=[*_depends_on(opts), *after],
        aliases=[*_aliases(former), *aliases] or None,
        hooks=hooks,
    )


def _aliases(former: Iterable[str]) -> list[Alias]:
    return [pulumi.Alias(name=name) for name in former]


def _depends_on(opts: pulumi.ResourceOptions | None) -> list[pulumi.Resource]:
    given = opts.depends_on if opts else None
    if given is None:
        return []
    if isinstance(given, pulumi.Resource):
        return [given]
    if isinstance(given, list | tuple) and all(isinstance(each, pulumi.Resource) for each in given):
        return list(given)
    raise TypeError("`depends_on` of a queuewright component takes resources, not outputs")
