"""The options that a component hands down to what it is made of."""

from __future__ import annotations

from collections.abc import Iterable

import pulumi


def former_names(name: str, key: str | None, renamed_from: Iterable[str]) -> list[str]:
    """The logical names that the component `name` had, whose last part was once another key.

    >>> former_names("tasks-letters", "letters", ["emails"]), former_names("post", None, ["mail"])
    (['tasks-emails'], ['mail'])
    """
    return [name.removesuffix(key or name) + each for each in renamed_from]


def formerly(names: Iterable[str]) -> pulumi.ResourceOptions:
    """Options of a resource that was called so before: it is the same one, and nothing is replaced.

    Children whose own names begin with that of such a component are known by their old ones, too.
    """
    return pulumi.ResourceOptions(aliases=[pulumi.Alias(name=name) for name in names])


def within(
    parent: pulumi.Resource,
    opts: pulumi.ResourceOptions | None,
    *,
    after: Iterable[pulumi.Resource] = (),
) -> pulumi.ResourceOptions:
    """Options of a child of `parent`, which was made with `opts`; it also waits for `after`.

    Pulumi hands a component's provider and `protect` down by itself, and its `depends_on` not:
    a child would be made before what its component waits for.
    """
    return pulumi.ResourceOptions(parent=parent, depends_on=[*_depends_on(opts), *after])


def _depends_on(opts: pulumi.ResourceOptions | None) -> list[pulumi.Resource]:
    given = opts.depends_on if opts else None
    if given is None:
        return []
    if isinstance(given, pulumi.Resource):
        return [given]
    if isinstance(given, list | tuple) and all(isinstance(each, pulumi.Resource) for each in given):
        return list(given)
    raise TypeError("`depends_on` of a queuewright component takes resources, not outputs of them")
