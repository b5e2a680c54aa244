"""Pulumi's own way of unit tests: mocks that answer what Google would compute.

https://www.pulumi.com/docs/iac/concepts/testing/unit/
"""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING, cast

from queuewright.errors import TargetError
from queuewright.graph.computed import computed
from queuewright.graph.program import quietly
from queuewright.graph.wire import Properties

if TYPE_CHECKING:
    from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks
else:
    Mocks = object  # Pulumi is an extra; `__init__` registers the class where it is installed


class GoogleMocks(Mocks):
    """A `pulumi.runtime.Mocks` whose resources have the outputs that Google computes.

    ::

        pulumi.runtime.set_mocks(GoogleMocks())

    Ids, URLs, e-mail addresses and names are the ones that `capture` knows; numbers that only
    Google knows are constants. Other resources have their inputs as outputs. Override `call` for
    a program that asks a provider for data.

    Args:
        project: the provider's project, for resources that name none.

    Raises:
        TargetError: Pulumi is not installed.
    """

    def __init__(self, project: str = "project") -> None:
        try:
            from pulumi.runtime import Mocks as PulumiMocks
        except ImportError as error:
            raise TargetError(
                "`GoogleMocks` needs Pulumi, which is not installed",
                hint="pip install 'queuewright[deploy]'",
            ) from error
        PulumiMocks.register(type(self))
        self._project = project
        # Its first use raises a deprecation warning that is not the program's.
        with contextlib.suppress(ImportError):
            quietly(lambda: importlib.import_module("pulumi_gcp.storage").Bucket)

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, object]]:
        """Return a resource's id, and its inputs with what Google computes."""
        inputs = cast("Properties", args.inputs)
        if args.custom is False:  # a component
            return None, dict(inputs)
        identity, filled = computed(args.typ, inputs, project=self._project)
        return args.resource_id or identity, {**inputs, **filled}

    def call(self, args: MockCallArgs) -> tuple[dict[str, object], list[tuple[str, str]] | None]:
        """Refuse to ask a provider for data.

        Raises:
            TargetError: always; a subclass may answer.
        """
        raise TargetError(
            f"the program asks a provider for data: `{args.token}`",
            hint="answer it in a subclass of `GoogleMocks`, in its method `call`",
        )
