"""An engine in its own process. It prints its port and stops when its standard input ends."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from queuewright.engine import Engine


async def main(state: str) -> None:
    engine = Engine(state=Path(state))
    await engine.start()
    print(await engine.serve_grpc(port=0), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await engine.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
