"""A minimal mail server and a minimal Cloud Tasks API, on ports that the system chooses."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from google.cloud import tasks_v2


class Postbox:
    """An SMTP server in a thread; `mails` holds what it accepted.

    Attributes:
        refusals: the reply to a recipient, or to the content under the key "DATA".
    """

    def __init__(
        self,
        *,
        starttls: ssl.SSLContext | None = None,
        tls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.mails: list[Envelope] = []
        self.refusals: dict[str, str] = {}
        self._starttls, self._tls, self._login = starttls, tls, login
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Postbox:
        self._thread.start()
        self.port = self._call(self._listen)
        return self

    def __exit__(self, *_error: object) -> None:
        self._call(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, function: Callable[[], Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(function(), self._loop).result()

    async def _listen(self) -> int:
        self._server = await self._loop.create_server(self._session, "127.0.0.1", 0, ssl=self._tls)
        return int(self._server.sockets[0].getsockname()[1])

    async def _close(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _session(self) -> SMTP:
        return SMTP(
            self,
            hostname="localhost",
            loop=self._loop,
            tls_context=self._starttls,
            require_starttls=self._starttls is not None,
            authenticator=self._authenticated if self._login else None,
            auth_required=self._login is not None,
        )

    def _authenticated(self, _server: Any, _session: Any, _env: Any, _how: str, data: Any) -> Any:
        assert isinstance(data, LoginPassword)
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == self._login, handled=False)

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if "DATA" not in self.refusals:
            self.mails.append(envelope)
        return self.refusals.get("DATA", "250 OK")


class TasksApi:
    """`CreateTask` of Cloud Tasks over gRPC; `tasks` holds what it accepted.

    Attributes:
        refusal: the status of every call; if set, nothing is created.
    """

    def __init__(self) -> None:
        self.tasks: list[tasks_v2.Task] = []
        self.refusal: tuple[grpc.StatusCode, str] | None = None

    def __enter__(self) -> TasksApi:
        request, task = tasks_v2.CreateTaskRequest.pb(), tasks_v2.Task.pb()
        create = grpc.unary_unary_rpc_method_handler(
            self._create, request.FromString, task.SerializeToString
        )
        service = "google.cloud.tasks.v2.CloudTasks"
        handler = grpc.method_handlers_generic_handler(service, {"CreateTask": create})
        self._server = grpc.server(ThreadPoolExecutor(2))
        self._server.add_generic_rpc_handlers((handler,))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.stop(None).wait()

    def _create(self, request: Any, context: grpc.ServicerContext) -> Any:
        if self.refusal:
            context.abort(*self.refusal)
        task = tasks_v2.Task(tasks_v2.Task.pb().FromString(request.task.SerializeToString()))
        if task.name in [other.name for other in self.tasks]:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, "Requested entity already exists")
        self.tasks.append(task)
        return request.task
