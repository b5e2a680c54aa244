"""A Google Cloud in a folder, with one JSON file for each resource."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from queuewright.graph.wire import UNKNOWN, Asset, Properties, Value
from tests.pulumi_double.rules import QUEUE

BLOCKED = "the name of a deleted queue"


class Cloud:
    """Every resource, by type and id, in a folder that outlives the process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, type_token: str, identity: str) -> Properties | None:
        """The properties of a resource; `None` if it does not exist."""
        file = self._file(type_token, identity)
        return _read(file)[2] if file.exists() else None

    def put(self, type_token: str, identity: str, properties: Properties) -> None:
        """Create or change a resource without any checks."""
        document = {"type": type_token, "id": identity, "properties": _to_json(properties)}
        self._file(type_token, identity).write_text(
            json.dumps(document, sort_keys=True, indent=1), encoding="utf-8"
        )

    def remove(self, type_token: str, identity: str) -> None:
        """Delete a resource without any checks; a queue's name stays blocked."""
        self._file(type_token, identity).unlink(missing_ok=True)
        if type_token == QUEUE:
            self.put(BLOCKED, identity, {})

    def forget_deleted_queues(self) -> None:
        """Free the names of deleted queues, as if days had passed."""
        for identity, _ in list(self.of_type(BLOCKED)):
            self._file(BLOCKED, identity).unlink()

    def of_type(self, type_token: str) -> Iterator[tuple[str, Properties]]:
        """Every resource of a type, with its id."""
        for file in sorted(self.folder.glob("*.json")):
            found, identity, properties = _read(file)
            if found == type_token:
                yield identity, properties

    def contents(self) -> list[str]:
        """All resources as `type id`, sorted, without the blocked names of queues."""
        read = [_read(file) for file in self.folder.glob("*.json")]
        return sorted(f"{kind} {identity}" for kind, identity, _ in read if kind != BLOCKED)

    def _file(self, type_token: str, identity: str) -> Path:
        return self.folder / f"{sha256(f'{type_token}|{identity}'.encode()).hexdigest()[:24]}.json"


def _read(file: Path) -> tuple[str, str, Properties]:
    document = json.loads(file.read_text(encoding="utf-8"))
    properties = _from_json(document["properties"])
    assert isinstance(properties, dict)
    return document["type"], document["id"], properties


def _to_json(value: Value) -> object:
    if isinstance(value, Asset):
        return {"#asset": [value.kind, value.origin, value.content, value.hash]}
    if value is UNKNOWN:
        return {"#unknown": True}
    if isinstance(value, dict):
        return {key: _to_json(each) for key, each in value.items()}
    return [_to_json(each) for each in value] if isinstance(value, list) else value


def _from_json(value: object) -> Value:
    if isinstance(value, dict):
        if "#asset" in value:
            return Asset(*value["#asset"])
        if "#unknown" in value:
            return UNKNOWN
        return {key: _from_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_from_json(each) for each in value]
    return value  # type: ignore[return-value]
