"""A worker that draws charts: it takes tasks from the pull queue `charts`, one at a time.

Each task has a month's sales (`chart.py` describes the body); the chart goes to the folder
`CHARTS`, by default `out/charts` in the working directory. On Cloud Run the folder disappears with
the instance, unless a bucket is mounted there.

A task that is done is deleted. A body that is not a month's sales will not be one next time either:
it is logged and dropped. If the folder cannot be written, the task is given back and tried again.
A second delivery writes the same file. On SIGTERM, the worker finishes the chart in hand and ends.
"""

from __future__ import annotations

import os
from pathlib import Path

from chart import Unusable, chart, sales

from queuewright_runtime import PermanentError, Task, pull


def main() -> None:
    """Draw charts until SIGTERM."""
    for task in pull("charts"):
        with task:
            draw(task)


def draw(task: Task) -> None:
    """Draw one task's chart.

    Raises:
        PermanentError: the body can never become a chart.
        OSError: the folder cannot be written.
    """
    try:
        given = sales(task.data)
    except Unusable as error:
        raise PermanentError(str(error)) from None
    folder = Path(os.environ.get("CHARTS") or "out/charts").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{given.month:%Y-%m}.png"
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    unfinished.write_bytes(chart(given))
    unfinished.replace(path)
    print(f"wrote {path}; days: {len(given.amounts)}", flush=True)


if __name__ == "__main__":
    main()
