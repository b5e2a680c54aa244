"""A hint in backticks is right when it replaces the mistake."""

from __future__ import annotations

import re

import pytest

from queuewright.errors import SpecError
from queuewright.spec import parse
from tests.spec.saying import REST, said

QUEUE = """\
handlers:
  mailer:
    service: {image: i}
queues:
  emails:
    handler: mailer
    %s
"""
LIMITS = QUEUE % "rate_limits:\n      %s"
RETRY = QUEUE % "retry_config:\n      %s"
HANDLER = """\
handlers:
  mailer:
    service: {image: i}
    %s
"""
APP = """\
handlers:
  mailer:
    app_engine:
      source: s
      %s
"""


def fixed(text: str) -> str:
    """The text, with its only mistake fixed as the hint says."""
    with pytest.raises(SpecError) as error:
        parse(text)
    (problem,) = error.value.problems
    hint = re.search("`(.+?)`(?!`)", problem.hint or "")
    assert hint is not None, problem
    lines = text.splitlines()
    at, start = problem.location.line - 1, problem.location.column - 1
    key, _, value = lines[at][start:].partition(": ")
    if (problem.hint or "").startswith("add "):
        lines.insert(at + 1, " " * (start + 2) + hint[1])
    elif problem.message == "unknown key":
        lines[at] = f"{lines[at][:start]}{hint[1]}: {value}"
    elif re.match(r"[a-z_]+: ", hint[1]):
        lines[at] = lines[at][:start] + hint[1]
    elif lines[at][start:].startswith("- "):
        lines[at] = f"{lines[at][:start]}- {hint[1]}"
    else:
        lines[at] = f"{lines[at][:start]}{key}: {hint[1]}"
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        QUEUE % "pth: /send",
        QUEUE % "protect: 'no'",
        QUEUE % "protect: maybe",
        QUEUE % "enqueuers: mailer",
        QUEUE % "path: send",
        QUEUE % "path: 7",
        QUEUE % "desired_state: paused",
        LIMITS % "max_dispatches: 5",
        LIMITS % "max_dispatches_per_second: '5'",
        LIMITS % "max_dispatches_per_second: 1e2",
        LIMITS % "max_dispatches_per_second: fast",
        LIMITS % "max_concurrent_dispatches: 2.0",
        LIMITS % "max_concurrent_dispatches: 2.5",
        RETRY % "min_backoff: 10",
        RETRY % "min_backoff: soon",
        RETRY % "max_retry_duration: 1.5s",
        RETRY % "max_attempts: many",
        HANDLER % "memory: 512",
        HANDLER % "memory: 512MB",
        HANDLER % "memory: 64Mi",
        HANDLER % "timeout: 2h",
        HANDLER % "timeout: 10",
        HANDLER % "env:\n      A: 007",
        HANDLER % "cpu: many",
        HANDLER % "vpc:\n      egress: all-traffic",
        HANDLER % "memory: 2Gi\n    cpus: 2",
        APP % "version: v1",
        QUEUE.replace("handler: mailer", "handler: mialer") % "path: /x",
        QUEUE.replace("    handler: mailer\n", "") % "path: /x",
        "project: Acme\nlocation: europe-west1\n",
        "project: acme-dev\nlocation: Europe\n",
        "project: acme-dev\nlocation: europe-west1\nlabels:\n  team: yes\n",
    ],
    ids=lambda text: " ".join(text.splitlines()[-1].split()),
)
def test_a_hint_fixes_the_mistake(text: str) -> None:
    """The text in the hint is right where the mistake was."""
    text += "" if "project:" in text else REST
    assert said(fixed(text)) == ""
