"""An engine in a process of its own: prints its two ports as JSON, stops when its input ends."""

from __future__ import annotations

import asyncio
import json
import sys

from queuewright.engine import Engine


async def main() -> None:
    engine = Engine()
    await engine.start()
    ports = {"grpc": await engine.serve_grpc(port=0), "rest": await engine.serve_http(port=0)}
    print(json.dumps(ports), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await engine.stop()


if __name__ == "__main__":
    asyncio.run(main())
