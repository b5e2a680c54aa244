"""The names of Cloud Tasks' resources, as patterns without anchors.

The allowed characters are those of `Queue.name` and `Task.name` in google/cloud/tasks/v2. No
location is looked up: every well-formed one is accepted.
"""

from __future__ import annotations

from typing import Final

PROJECT_ID: Final = r"[A-Za-z0-9:.-]+"
LOCATION_ID: Final = r"[A-Za-z0-9-]+"
QUEUE_ID: Final = r"[A-Za-z0-9-]{1,100}"
TASK_ID: Final = r"[A-Za-z0-9_-]{1,500}"

PROJECT: Final = rf"projects/{PROJECT_ID}"
LOCATION: Final = rf"{PROJECT}/locations/{LOCATION_ID}"
QUEUE: Final = rf"{LOCATION}/queues/{QUEUE_ID}"
