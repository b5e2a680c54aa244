"""Checks every input of a resource against the types of the provider's SDK.

Pulumi accepts nested inputs as plain dictionaries: only the provider notices a misspelt key, a
wrong type or a missing field, in the middle of an update. The SDK's generated classes have the
types. They are read here by reflection, through parts of Pulumi that are not public.
"""

from __future__ import annotations

import collections.abc
import enum
import importlib
import inspect
import sys
import typing
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import cache
from typing import get_args, get_origin

from queuewright.graph.formats import format_problems
from queuewright.graph.resource import Resource
from queuewright.graph.wire import Asset, Properties, Unknown, Value

PROVIDER_TYPE = "pulumi:providers:"
_SCALARS: dict[object, type | tuple[type, ...]] = {
    str: str,
    bool: bool,
    int: int,
    float: (int, float),
}


def input_problems(resources: Iterable[Resource]) -> list[str]:
    """The problems in the inputs of `resources`, each as `type::name: path: problem`.

    Components are skipped, and so are providers, whose inputs are sent as text.
    """
    return [
        f"{each}: {problem}"
        for each in resources
        if each.custom and not each.read and not each.type.startswith(PROVIDER_TYPE)
        for problem in (
            *type_problems(each.type, each.inputs),
            *format_problems(each.type, each.inputs),
        )
    ]


def type_problems(type_token: str, inputs: Properties) -> list[str]:
    """The problems in a resource's `inputs`, which are named as on the wire.

    Raises:
        LookupError: no installed SDK has the type.
    """
    return list(_object_problems(inputs, arguments_class(type_token), ""))


def arguments_class(type_token: str) -> type:
    """The SDK's class of a resource's arguments, such as `pulumi_gcp.cloudtasks.QueueArgs`.

    Raises:
        LookupError: no installed SDK has the type.
    """
    resource = resource_class(type_token)
    module = sys.modules[resource.__module__]
    for suffix in ("Args", "InitArgs"):
        found = getattr(module, f"{resource.__name__}{suffix}", None)
        if isinstance(found, type) and _is_input(found):
            return found
    raise LookupError(f"{type_token}: the SDK has no class for its arguments")


@cache
def resource_class(type_token: str) -> type:
    """The SDK's class of a resource, such as `pulumi_gcp.cloudtasks.Queue`.

    Raises:
        LookupError: no installed SDK has the type.
    """
    from pulumi.runtime import rpc

    package = type_token.partition(":")[0]
    if package not in rpc._RESOURCE_PACKAGES:
        try:
            importlib.import_module(f"pulumi_{package.replace('-', '_')}")
        except ImportError as error:
            raise LookupError(f"{type_token}: pulumi-{package} is not installed") from error
    for modules in rpc._RESOURCE_MODULES.values():
        for module in modules:
            information = getattr(module, "mod_info", {})
            if name := information.get("classes", {}).get(type_token):
                return typing.cast(type, getattr(sys.modules[information["fqn"]], name))
    raise LookupError(f"{type_token} is not a resource of pulumi-{package}")


@cache
def _fields(arguments: type) -> dict[str, object]:
    """The types of an arguments class's fields, by their names on the wire."""
    from pulumi import _types

    return dict(_types.input_type_types(arguments))


@cache
def _required(arguments: type) -> tuple[str, ...]:
    from pulumi import _types

    names = _types.input_type_py_to_pulumi_names(arguments)
    parameters = inspect.signature(arguments).parameters.items()
    empty = inspect.Parameter.empty
    return tuple(names.get(name, name) for name, each in parameters if each.default is empty)


@cache
def _output_only(arguments: type) -> frozenset[str]:
    """The fields of a nested class that only Google sets; their docstrings say so."""
    from pulumi import _types

    names = _types.input_type_py_to_pulumi_names(arguments)
    properties = inspect.getmembers(arguments, lambda member: isinstance(member, property))
    return frozenset(
        names.get(name, name)
        for name, each in properties
        if inspect.cleandoc(each.__doc__ or "").startswith("(Output)")
    )


def _object_problems(inputs: Properties, arguments: type, path: str) -> Iterator[str]:
    fields = _fields(arguments)
    for key, value in inputs.items():
        if key not in fields:
            yield f"{path}{key}: unknown{_hint(key, fields)}"
        elif key in _output_only(arguments):
            yield f"{path}{key}: only Google sets it"
        else:
            yield from _problems(value, fields[key], f"{path}{key}")
    for key in _required(arguments):
        if inputs.get(key) is None:
            yield f"{path}{key}: missing"


def _hint(key: str, fields: Iterable[str]) -> str:
    by_letters = {field.lower(): field for field in fields}
    near = get_close_matches(key.replace("_", "").lower(), by_letters, n=1)
    return f"; did you mean `{by_letters[near[0]]}`?" if near else ""


def _problems(value: Value, expected: object, path: str) -> Iterator[str]:
    expected = _plain(expected)
    origin, parameters = get_origin(expected), get_args(expected)
    if value is None or isinstance(value, Unknown) or expected is typing.Any:
        return
    if origin is typing.Union:
        tries = [list(_problems(value, each, path)) for each in parameters]
        if all(tries):
            yield from min(tries, key=len)
    elif origin in (list, collections.abc.Sequence):
        if isinstance(value, list):
            for index, each in enumerate(value):
                yield from _problems(each, parameters[0], f"{path}[{index}]")
        else:
            yield _mismatch(path, "a list", value)
    elif origin in (dict, collections.abc.Mapping):
        if isinstance(value, dict):
            for key, each in value.items():
                yield from _problems(each, parameters[1], f"{path}.{key}")
        else:
            yield _mismatch(path, "a map", value)
    elif isinstance(expected, type):
        yield from _class_problems(value, expected, path)


def _class_problems(value: Value, expected: type, path: str) -> Iterator[str]:
    if _is_input(expected):
        if isinstance(value, dict):
            yield from _object_problems(value, expected, f"{path}.")
        else:
            yield _mismatch(path, f"the fields of {expected.__name__}", value)
    elif _is_asset(expected):
        if not isinstance(value, Asset):
            yield _mismatch(path, "an asset", value)
    elif issubclass(expected, enum.Enum):
        allowed = [each.value for each in expected]
        if value not in allowed:
            yield f"{path}: {value!r} is not one of {', '.join(map(repr, allowed))}"
    elif not isinstance(value, _SCALARS.get(expected, object)) or (
        isinstance(value, bool) and expected in (int, float)
    ):
        yield _mismatch(path, expected.__name__, value)


def _mismatch(path: str, expected: str, value: Value) -> str:
    return f"{path}: expected {expected}, got {type(value).__name__} {value!r}"


def _plain(expected: object) -> object:
    """`T` for `Input[T]` and `Optional[T]`; a real union stays a union."""
    import pulumi
    from pulumi import _types

    expected = _types.unwrap_type(expected)  # type: ignore[arg-type]
    if get_origin(expected) is not typing.Union:
        return expected
    kept = [
        each
        for each in get_args(expected)
        if each is not type(None)
        and get_origin(each) not in (collections.abc.Awaitable, pulumi.Output)
    ]
    return kept[0] if len(kept) == 1 else typing.Union[tuple(kept)]  # noqa: UP007


def _is_input(found: type) -> bool:
    from pulumi import _types

    return bool(_types.is_input_type(found))


def _is_asset(found: type) -> bool:
    import pulumi

    return issubclass(found, pulumi.Asset | pulumi.Archive)
