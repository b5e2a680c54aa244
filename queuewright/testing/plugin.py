"""The pytest plugin: the fixture `queuewright_env`, its marker, and what a failed test shows.

pytest loads it wherever queuewright is installed, so it imports nothing but pytest before the
fixture is used.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from queuewright.testing.environment import InProcessEnvironment

_ENVIRONMENT = pytest.StashKey["InProcessEnvironment"]()


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "queuewright(environment='dev', *, project=None, start=None): the environment that "
        "`queuewright_env` starts, the project's folder, and the clock's first moment.",
    )


@pytest.fixture
def queuewright_env(request: pytest.FixtureRequest) -> Iterator[InProcessEnvironment]:
    """An environment of the project in this process: `dev`, or what the marker names.

    Its handlers are called directly, without sockets, and its time passes only when the test
    says so.
    """
    from queuewright.spec import find_root
    from queuewright.testing.environment import InProcessEnvironment

    marker = request.node.get_closest_marker("queuewright")
    try:
        wanted = _wanted(*marker.args, **marker.kwargs) if marker is not None else _wanted()
    except TypeError as error:
        what = str(error).removeprefix("_wanted() ")
        raise pytest.UsageError(
            f"{request.node.nodeid}: the marker `queuewright` {what}: "
            'it takes `"ENV", project=FOLDER, start=DATETIME`'
        ) from None
    environment, project, start = wanted
    here = request.path.parent
    root = here / project if project is not None else find_root(here)
    with InProcessEnvironment.started(environment, root, start=start) as running:
        request.node.stash[_ENVIRONMENT] = running
        yield running
        del request.node.stash[_ENVIRONMENT]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the timeline to the report of a test that failed."""
    report = yield
    environment = item.stash.get(_ENVIRONMENT, None)
    if environment is not None and call.when == "call" and report.failed:
        report.sections.append(("queuewright: what happened", environment.timeline()))
    return report


def pytest_assertrepr_compare(left: object, right: object) -> list[str] | None:
    """Show the attempts where a claim about their statuses fails."""
    import sys

    module = sys.modules.get("queuewright.testing.attempts")
    if module is None:
        return None
    for statuses in (left, right):
        if isinstance(statuses, module.Statuses):
            return [f"{left!r} == {right!r}", *repr(statuses.attempts).splitlines()]
    return None


def _wanted(
    environment: str = "dev", *, project: str | Path | None = None, start: datetime | None = None
) -> tuple[str, str | Path | None, datetime | None]:
    """The arguments of the marker."""
    if start is not None and (not isinstance(start, datetime) or start.tzinfo is None):
        raise TypeError(f"got `start={start!r}`, which is no `datetime` with a time zone")
    return environment, project, start
