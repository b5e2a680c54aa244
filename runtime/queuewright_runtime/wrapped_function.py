"""What the Functions Framework loads instead of `main.py`: the user's function, wrapped.

`FUNCTION_SOURCE` names this file, which queuewright sets for a function with dead letters.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE, FOLDER = str(Path(__file__).resolve().parent), str(Path.cwd())


def search_path(path: list[str]) -> list[str]:
    """Return Python's search path with the function's own folder instead of this one.

    The framework adds the folder of the file that it loads.

    >>> search_path(["/lib", HERE]) == ["/lib", FOLDER]
    True
    >>> search_path([FOLDER, "/lib", HERE]) == [FOLDER, "/lib"]
    True
    """
    if FOLDER in path:
        return [each for each in path if each != HERE]
    return [FOLDER if each == HERE else each for each in path]


target = os.environ.get("FUNCTION_TARGET")
if target and os.environ.get("QUEUEWRIGHT_DEAD_LETTERS"):
    sys.path[:] = search_path(sys.path)

    from queuewright_runtime.functions import loaded, wrapped
    from queuewright_runtime.logs import structured_logs

    structured_logs()
    globals()[target] = wrapped(loaded(Path(FOLDER, "main.py"), target))
