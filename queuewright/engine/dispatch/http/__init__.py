"""An HTTP/1.1 client that does only what sending tasks needs, for a fifth of aiohttp's CPU time.

It runs httptools' parser on asyncio's protocols. Of an answer it keeps the status and two headers;
it reads the body and drops it.
"""
