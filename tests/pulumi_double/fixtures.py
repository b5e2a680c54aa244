"""The fixture that deploys a program on the real engine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from queuewright.graph.program import Program
from tests.pulumi_double.engine import Deployment, deployment

Deploy: TypeAlias = Callable[..., Deployment]


@pytest.fixture
def deploy(tmp_path: Path) -> Iterator[Deploy]:
    """`deploy(program, stack_name="dev")`: a new stack of `program`, its cloud empty."""
    with contextlib.ExitStack() as stack:
        count = iter(range(1000))

        def start(program: Program, *, stack_name: str = "dev") -> Deployment:
            folder = tmp_path / f"deployment-{next(count)}"
            return stack.enter_context(deployment(program, folder, stack=stack_name))

        yield start
