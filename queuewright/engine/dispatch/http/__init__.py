"""An HTTP/1.1 client that does no more than sending tasks needs, at a sixth of the usual cost.

The parser is httptools' (the one under aiohttp and uvicorn), on asyncio's protocols. The answer's
status and two headers are kept, its body is read and dropped.
"""
