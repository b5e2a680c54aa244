"""Pub/Sub in its own process. It prints its port and stops when its standard input ends."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from queuewright.pubsub import PubSub


async def main(state: str | None) -> None:
    async with PubSub(state=Path(state) if state else None) as server:
        print(await server.serve_grpc(port=0), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
