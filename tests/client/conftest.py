"""A project whose queues have payloads of many shapes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

STACK = """\
project: acme-dev
location: europe-west1
handlers:
  mailer: {service: {image: i}}
queues:
  emails:
    handler: mailer
    payload: schemas/email.schema.json
    example: {to: ada@example.com, template: welcome}
  order-events: {handler: mailer}
  numbers: {handler: mailer, payload: schemas/numbers.schema.json}
  reports: {pull: {}, payload: schemas/report.schema.json}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder, which is the current one."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(STACK)
    shutil.copytree(Path(__file__).parent / "schemas", tmp_path / "schemas")
    monkeypatch.chdir(tmp_path)
    return tmp_path
