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


def renamed(
    opts: pulumi.ResourceOptions | None, former: Iterable[str]
) -> pulumi.ResourceOptions | None:
    """Options of a component that had the `former` names: it is the same one.

    Its children, whose own names begin with the component's, are known by their old ones with it.
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
) -> pulumi.ResourceOptions:
    """Options of a child of `parent`, which was made with `opts`; it also waits for `after`.

    It is the same one that had the `former` names.

    Pulumi hands a component's provider and `protect` down by itself, and its `depends_on` not:
    a child would be made before what its component waits for.
    """
    return pulumi.ResourceOptions(
        parent=parent, depends_on=[*_depends_on(opts), *after], aliases=_aliases(former)
    )


def _aliases(former: Iterable[str]) -> list[pulumi.Alias | str] | None:
    return [pulumi.Alias(name=name) for name in former] or None


def _depends_on(opts: pulumi.ResourceOptions | None) -> list[pulumi.Resource]:
    given = opts.depends_on if opts else None
    if given is None:
        return []
    if isinstance(given, pulumi.Resource):
        return [given]
    if isinstance(given, list | tuple) and all(isinstance(each, pulumi.Resource) for each in given):
        return list(given)
    raise TypeError("`depends_on` of a queuewright component takes resources, not outputs of them")
