"""Log entries that say which task and which attempt they are about.

On Cloud Run they are JSON with labels and a trace, which Cloud Logging groups by:
https://cloud.google.com/logging/docs/structured-logging.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping

from queuewright_runtime.attempt import current_task
from queuewright_runtime.dead_letters import dead_letter_queues


class CloudFormatter(logging.Formatter):
    """An entry as one line of JSON, with the task and the attempt as labels.

    Args:
        project: the id of the project that traces are in; None leaves them out.
    """

    def __init__(self, project: str | None = None) -> None:
        super().__init__()
        self._project = project

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        message = super().format(record)  # with the traceback, for Error Reporting
        entry: dict[str, object] = {
            "severity": record.levelname,
            "message": message,
            "logger": record.name,
        }
        task = current_task()
        if task is not None:
            entry["logging.googleapis.com/labels"] = {
                "queue": task.queue,
                "task": task.name,
                "attempt": str(task.attempt),
            }
            if task.trace and self._project:
                trace = f"projects/{self._project}/traces/{task.trace}"
                entry["logging.googleapis.com/trace"] = trace
        return json.dumps(entry, ensure_ascii=False)


class PlainFormatter(logging.Formatter):
    """An entry as text: `ERROR [emails/17, attempt 3] no such user`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines."""
        task = current_task()
        where = f" [{task.queue}/{task.name}, attempt {task.attempt}]" if task else ""
        return f"{record.levelname}{where} {super().format(record)}"


def structured_logs(
    level: int = logging.INFO, *, variables: Mapping[str, str] = os.environ
) -> None:
    """Log to stdout, each entry with its task and attempt; nothing if logging is configured.

    Functions with dead letters do so by themselves.

    Args:
        level: the lowest level that is logged.
        variables: the environment variables, which tell whether this is Cloud Run.
    """
    root = logging.getLogger()
    if root.handlers:
        return
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_formatter(variables))
    root.addHandler(handler)
    root.setLevel(level)


def _formatter(variables: Mapping[str, str]) -> logging.Formatter:
    if "K_SERVICE" not in variables or "CLOUD_TASKS_EMULATOR_URL" in variables:
        return PlainFormatter()
    project = variables.get("GOOGLE_CLOUD_PROJECT")
    queues = dead_letter_queues(variables).values()
    return CloudFormatter(project or next((each.project for each in queues), None))
