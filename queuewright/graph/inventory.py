"""The resources of a program as YAML, kept in a file beside the test.

It has every count and every input. The hash of a handler's files, which changes with each edit, is
written `<hash>`; a secret is written `<secret>`.
"""

from __future__ import annotations

import difflib
import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import yaml

from queuewright.graph.resource import Resource
from queuewright.graph.wire import Asset, Properties, Unknown, Value

REGENERATE = "QUEUEWRIGHT_REGENERATE"
_CONTENT_HASH = re.compile(r"(?<![0-9a-zA-Z])[0-9a-f]{16,64}(?![0-9a-zA-Z])")


def text(resources: Mapping[str, Resource]) -> str:
    """The inventory of `resources`: counts by type, then each resource by type and name."""
    made = [each for each in resources.values() if not each.read]
    counts: Properties = dict(sorted(Counter(each.type for each in made).items()))
    by_type: dict[str, dict[str, Properties]] = {}
    for each in sorted(made, key=lambda each: (each.type, each.name)):
        if each.custom:
            by_type.setdefault(each.type, {})[each.name] = _entry(resources, each)
    document = {"counts": counts, "resources": by_type}
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)


def check(resources: Mapping[str, Resource], file: Path) -> None:
    """Compare with `file`. With `$QUEUEWRIGHT_REGENERATE`, and not on CI, write the file first.

    Raises:
        AssertionError: they differ, or the file does not exist.
    """
    actual = text(resources)
    if os.environ.get(REGENERATE) and not os.environ.get("CI"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(actual, encoding="utf-8")
    expected = file.read_text(encoding="utf-8") if file.exists() else ""
    if actual == expected:
        return
    difference = "\n".join(
        difflib.unified_diff(
            expected.splitlines(), actual.splitlines(), f"{file}", "the program", lineterm="", n=3
        )
    )
    raise AssertionError(
        f"the program differs from {file}\n{difference}\n"
        f"  hint: if this is intended, rewrite the file: {_command()}"
    )


def _command() -> str:
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    return f"{REGENERATE}=1 pytest {test}".rstrip()


def _entry(resources: Mapping[str, Resource], resource: Resource) -> Properties:
    """The resource's options for the engine, in parentheses, followed by its inputs."""
    provider = resources.get(resource.provider)
    options: Properties = {
        "(provider)": provider.name if provider else "",
        "(protect)": resource.protect,
        "(depends on)": [resources[urn].name for urn in resource.depends_on if urn in resources],
        "(aliases)": [
            # The SDK itself gives some types an alias that differs in case only.
            each
            for each in resource.aliases
            if each.lower() != resource.urn.lower()
        ],
        "(ignores)": list(resource.ignore_changes),
        "(replaced on)": list(resource.replace_on_changes),
        "(retained on delete)": resource.retain_on_delete,
        "(deleted before replaced)": bool(resource.delete_before_replace),
        "(imported)": resource.import_id,
    }
    secrets = set(resource.secrets)
    inputs = {key: _plain(value, key, secrets) for key, value in resource.inputs.items()}
    return {key: value for key, value in options.items() if value} | inputs


def _plain(value: Value, path: str, secrets: set[str]) -> Value:
    if path in secrets:
        return "<secret>"
    match value:
        case dict():
            return {key: _plain(each, f"{path}.{key}", secrets) for key, each in value.items()}
        case list():
            return [_plain(each, f"{path}[{n}]", secrets) for n, each in enumerate(value)]
        case str():
            return _CONTENT_HASH.sub("<hash>", value)
        case Unknown():
            return value.value
        case Asset():
            return f"<{value.kind}>"
        case _:
            return value


class _Dumper(yaml.SafeDumper):
    """YAML without anchors: equal values are repeated."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True
