"""Opens a port, and says which option chooses another one where that fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from queuewright.errors import TargetError


async def listening(
    serve: Callable[[str, int], Awaitable[int]], host: str, port: int, option: str
) -> int:
    """The port on which `serve` listens now; 0 lets the system choose.

    Raises:
        TargetError: the port cannot be used; the hint names `option`.
    """
    try:
        return await serve(host, port)
    except TargetError as error:
        problem = str(error).partition("\n")[0]
        hint = (error.hint or "").replace(" port (0", f" port with `{option}` (0")
        raise TargetError(problem, hint=hint) from error
