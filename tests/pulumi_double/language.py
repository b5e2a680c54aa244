"""Runs a program for the real engine in this process, without leaving tasks behind.

The SDK's own server for inline programs leaks its event loop and coroutines when an update is
refused. They print warnings when they are collected, during some later test.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

import grpc
from pulumi.automation import _stack
from pulumi.automation._server import LanguageServer
from pulumi.runtime import set_all_config
from pulumi.runtime.proto import language_pb2
from pulumi.runtime.settings import reset_options
from pulumi.runtime.stack import run_in_stack


class _Language(LanguageServer):
    def Run(  # noqa: N802
        self,
        request: language_pb2.RunRequest,
        context: grpc.ServicerContext,  # noqa: ARG002
    ) -> language_pb2.RunResponse:
        return contextvars.Context().run(self._run, request)

    def _run(self, request: language_pb2.RunRequest) -> language_pb2.RunResponse:
        reset_options(
            project=request.project,
            stack=request.stack,
            engine_address=request.args[0],
            monitor_address=request.monitor_address,
            preview=request.dryRun,
            parallel=request.parallel,
            organization=request.organization or "organization",
        )
        set_all_config(dict(request.config), list(request.configSecretKeys))
        try:
            asyncio.run(self._main())
        except (Exception, asyncio.CancelledError) as error:
            return language_pb2.RunResponse(error=f"{type(error).__name__}: {error}")
        return language_pb2.RunResponse()

    async def _main(self) -> None:
        program = asyncio.ensure_future(run_in_stack(self.program))

        def stop(_: asyncio.AbstractEventLoop, failed: dict[str, Any]) -> None:
            """The engine is gone: tasks that wait for it would wait forever."""
            if isinstance(failed.get("exception"), grpc.RpcError):
                program.cancel()

        asyncio.get_running_loop().set_exception_handler(stop)
        await program


@contextlib.contextmanager
def clean_programs() -> Iterator[None]:
    """Run the Automation API's inline programs this way."""
    _stack.LanguageServer = _Language  # type: ignore[attr-defined]
    try:
        yield
    finally:
        _stack.LanguageServer = LanguageServer  # type: ignore[attr-defined]
