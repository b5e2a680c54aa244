"""A running instance of a handler: its application, imported from its folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager
from types import ModuleType
from typing import Any, TypeVar, cast

from queuewright.engine import OutgoingRequest
from queuewright.errors import TargetError
from queuewright.packages import runtime_folder
from queuewright.testing.handlers.application import Application
from queuewright.testing.handlers.asgi import AsgiApplication, is_asgi
from queuewright.testing.handlers.modules import HandlerModules
from queuewright.testing.handlers.wsgi import call_wsgi
from queuewright.testing.reply import Reply

T = TypeVar("T")


class Instance:
    """A handler's code in this process, with its own modules, variables and working directory.

    Args:
        key: the handler's key, for people.
        application: what to import.
        variables: all its environment variables.
    """

    def __init__(self, key: str, application: Application, variables: Mapping[str, str]) -> None:
        self._key = key
        self._application = application
        self._variables = dict(variables)
        self._modules = HandlerModules((application.folder,), (runtime_folder(),))
        self._call: Callable[[OutgoingRequest], Reply] | None = None
        self._asgi: AsgiApplication | None = None

    @property
    def is_served(self) -> bool:
        """Whether it can answer requests."""
        return self._application.is_served

    def call(self, request: OutgoingRequest) -> Reply:
        """Let the application answer a request. Its first one imports the application.

        Raises:
            TargetError: the application cannot be imported.
        """
        with self._inside():
            if self._call is None:
                self._call = self._started()
            return self._call(request)

    def module(self, name: str) -> ModuleType:
        """Return a module of the handler's folder, as its code has imported it.

        Raises:
            TargetError: it cannot be imported.
        """
        with self._inside():
            if self._call is None and self._application.is_served:
                self._call = self._started()  # which may import its main module anew
            return self._imported(lambda: self._modules.imported(name))

    def close(self) -> None:
        """End the instance."""
        if self._asgi is not None:
            with self._inside():
                self._asgi.close()

    def _started(self) -> Callable[[OutgoingRequest], Reply]:
        app = self._imported(self._loaded)
        if not is_asgi(app):
            return lambda request: call_wsgi(app, request)
        asgi = self._asgi = AsgiApplication(app)
        self._imported(asgi.start)
        return asgi.call

    def _loaded(self) -> Any:  # noqa: ANN401 - WSGI or ASGI
        wanted = self._application
        if wanted.function:
            return _function_app(wanted.function, wanted.source)
        found = getattr(self._modules.imported(wanted.module), wanted.name)
        return found() if wanted.is_factory else found

    def _imported(self, load: Callable[[], T]) -> T:
        """Import a part of the handler's code.

        Raises:
            TargetError: it cannot be imported; the cause is the exception.
        """
        try:
            return load()
        except ModuleNotFoundError as error:
            raise TargetError(
                f"handler `{self._key}` cannot be imported: {error}",
                hint="install its requirements beside the tests: "
                f"`pip install -r {self._application.folder / 'requirements.txt'}`",
            ) from error
        except Exception as error:
            raise TargetError(
                f"handler `{self._key}` cannot be imported: {type(error).__name__}: {error}",
                hint="see the traceback above",
            ) from error

    @contextmanager
    def _inside(self) -> Iterator[None]:
        """Be in the handler's process, as far as its code can tell, until the block ends."""
        before = dict(os.environ)
        _become(self._variables)
        try:
            with chdir(self._application.folder), self._modules.active():
                yield
        finally:
            self._variables = dict(os.environ)
            _become(before)


def _function_app(entry_point: str, source: str) -> Any:  # noqa: ANN401 - WSGI or ASGI
    """Return the application that the Functions Framework makes of a function."""
    from functions_framework import _function_registry as registry
    from functions_framework import create_app

    # What decorators note about functions is kept by their names, which handlers share.
    noted = (registry.REGISTRY_MAP, registry.INPUT_TYPE_MAP, registry.ASGI_FUNCTIONS)
    for each in noted:
        cast("dict[str, object]", each).clear()
    made: Callable[[str, str], Any] = create_app
    return made(entry_point, os.environ.get("FUNCTION_SOURCE") or source)


def _become(variables: Mapping[str, str]) -> None:
    """Make these the variables of this process."""
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    for name, value in variables.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
