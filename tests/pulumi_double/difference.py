"""The provider's comparison of a live resource with the program. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from queuewright.graph.wire import Asset, Properties, Value
from tests.pulumi_double.rules import Rule

# Maps with the user's keys: an empty text in them is a value.
MAPS = frozenset({"annotations", "envVariables", "environmentVariables", "labels", "metadata"})


def differences(live: Properties, old: Properties, new: Properties, rule: Rule) -> dict[str, str]:
    """Each path that differs, and how: `"ADD"`, `"DELETE"` or `"UPDATE"`.

    Args:
        live: the properties in the cloud.
        old: the program's earlier inputs.
        new: the program's inputs now.
        rule: the type's rule; a missing path of `rule.kept` is not a difference.
    """
    return dict(sorted(_differences(live, old, new, rule, "")))


def sent(properties: Properties) -> Properties:
    """The properties that reach Google's API: without zeros, and without blocks of zeros only.

    A block that is empty in the program means something: `auto: {}`.
    """
    kept: Properties = {}
    for key, value in properties.items():
        if key in MAPS or value == {}:
            kept[key] = value
        elif not is_zero(slim := _sent(value)):
            kept[key] = slim
    return kept


def is_zero(value: Value) -> bool:
    """Whether a value means `not set` to Terraform's providers."""
    return value in (None, 0, "", False, [], {}) and not isinstance(value, Asset)


def stored(properties: Properties, rule: Rule) -> Properties:
    """The properties that the cloud and the provider's state have after a request."""
    own = {key: properties.get(key, default) for key, default in rule.own_defaults.items()}
    empty = {key: properties[key] for key in rule.sent_empty & properties.keys()}
    return {**filled(sent(properties), rule.defaults), **empty, **own}


def filled(properties: Properties, defaults: Properties) -> Properties:
    """`properties` with Google's defaults for missing ones."""
    result = dict(properties)
    for key, default in defaults.items():
        given = result.get(key)
        if isinstance(default, dict):
            result[key] = filled(given if isinstance(given, dict) else {}, default)
        elif key not in result:
            result[key] = default
    return result


def retained(live: Properties, new: Properties, rule: Rule, path: str = "") -> Properties:
    """`new`, with missing values of kept paths taken from `live`."""
    result = dict(new)
    for key, value in live.items():
        here = f"{path}{key}"
        given = result.get(key)
        if given is None and _is_kept(here, rule):
            result[key] = value
        elif isinstance(given, dict) and isinstance(value, dict) and key not in MAPS:
            result[key] = retained(value, given, rule, f"{here}.")
    return result


def _sent(value: Value) -> Value:
    if isinstance(value, dict):
        return sent(value)
    if isinstance(value, list):
        return [_sent(each) for each in value]
    return value


def _differences(
    live: Value, old: Value, new: Value, rule: Rule, path: str
) -> Iterator[tuple[str, str]]:
    if isinstance(new, dict) and isinstance(live, dict):
        before = old if isinstance(old, dict) else {}
        for key in sorted({*new, *before}):
            here = f"{path}.{key}" if path else key
            if key not in new:
                if not is_zero(live.get(key)) and not _is_kept(here, rule):
                    yield here, "DELETE"
            elif key not in live:
                # A scalar zero is already there; a block, even of zeros, is new.
                if not is_zero(new[key]):
                    yield here, "ADD"
            else:
                yield from _differences(live[key], before.get(key), new[key], rule, here)
    elif isinstance(new, list) and isinstance(live, list) and len(new) == len(live):
        was = old if isinstance(old, list) and len(old) == len(new) else [None] * len(new)
        for index, (one, before_it, other) in enumerate(zip(live, was, new, strict=True)):
            yield from _differences(one, before_it, other, rule, f"{path}[{index}]")
    elif isinstance(new, Asset) and isinstance(live, Asset):
        if new.hash != live.hash:
            yield path, "UPDATE"
    elif new != live and not (is_zero(new) and is_zero(live)):
        yield path, "UPDATE"


def _is_kept(path: str, rule: Rule) -> bool:
    """Whether a path keeps its value; only a whole map does, not its keys."""
    general = re.sub(r"\[\d+\]", "[n]", path)
    return general in rule.kept or any(
        general.startswith(f"{kept}.") for kept in rule.kept if kept.split(".")[-1] not in MAPS
    )
