"""Wraps a function of the Functions Framework: dead letters, `current_task`, and one at a time."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from queuewright_runtime.attempt import handling
from queuewright_runtime.attempts import Attempts
from queuewright_runtime.letters import TaskRequest

Function = Callable[[Any], Any]


def wrapped(function: Function, attempts: Attempts | None = None) -> Function:
    """Return a function that handles the requests of Cloud Tasks by calling another.

    Args:
        function: takes a Flask request and returns a response, as Flask's views do.
        attempts: the attempts in this process. Default: its own, as the variables say.

    Raises:
        TypeError: it is asynchronous.
    """
    if inspect.iscoroutinefunction(function):
        raise TypeError(
            f"`{function.__name__}` is `async def`: a function with dead letters must be `def`; "
            "or make it a service with `AsgiTasks`"
        )
    every = attempts or Attempts()

    @functools.wraps(function)
    def handle(request: Any) -> Any:  # noqa: ANN401 - Flask's
        import flask

        attempt = every.attempt_of({key.lower(): value for key, value in request.headers})
        if attempt is None:
            return function(request)
        came = _task_request(request)
        answer = every.begin(attempt, came)
        if answer is not None:
            return answer.text, answer.status
        try:
            with handling(attempt):
                response = flask.make_response(function(request))
        except Exception as error:
            answer = every.end(attempt, came, status=_status(error), error=error)
            if answer is None:
                raise
            return answer.text, answer.status
        except BaseException:
            every.abandon(attempt)
            raise
        response.direct_passthrough = False
        answer = every.end(attempt, came, status=response.status_code, body=response.get_data())
        return response if answer is None else (answer.text, answer.status)

    return handle


def loaded(source: Path, name: str) -> Function:
    """Return the function `name` of a file, loaded as the Functions Framework loads `main.py`.

    Raises:
        ImportError: the file has no such function.
    """
    file = source.resolve()
    spec = importlib.util.spec_from_file_location(
        file.stem, file, submodule_search_locations=[str(file.parent)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"`{source}` is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    function = getattr(module, name, None)
    if not callable(function):
        known = ", ".join(f"`{each}`" for each in _functions(module)) or "none"
        raise ImportError(f"`{source.name}` has no function `{name}`; it has {known}")
    found: Function = function
    return found


def _status(error: Exception) -> int:
    """The status of the response that Flask makes of an exception."""
    from werkzeug.exceptions import HTTPException

    return (error.code or 500) if isinstance(error, HTTPException) else 500


def _functions(module: ModuleType) -> list[str]:
    return [key for key, value in vars(module).items() if inspect.isfunction(value)]


def _task_request(request: Any) -> TaskRequest:  # noqa: ANN401
    target = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or ""
    if not target.startswith("/"):
        target = request.full_path.removesuffix("?")
    return TaskRequest(
        method=request.method,
        host=request.host,
        target=target,
        headers=tuple(request.headers),
        body=request.get_data(cache=True),
    )
