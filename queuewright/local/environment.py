"""An environment on this machine: the engine with its queues, and every handler at its place."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

from queuewright.blueprint import Blueprint
from queuewright.dashboard import Dashboard
from queuewright.engine import Clock, Engine, Event, Settings, Signer
from queuewright.errors import QueuewrightError, Refusal, TargetError
from queuewright.history import History, history_service
from queuewright.local.console.console import ENVIRONMENT, Console
from queuewright.local.console.event_printer import EventPrinter
from queuewright.local.console.line_writer import LineWriter
from queuewright.local.console.table import ready_table
from queuewright.local.door.listener import HOST
from queuewright.local.environment_view import EnvironmentView
from queuewright.local.handlers.context import HandlerContext
from queuewright.local.handlers.edits import Edits
from queuewright.local.handlers.handler_process import PATIENCE_S
from queuewright.local.handlers.handlers import Handlers
from queuewright.local.handlers.in_progress import RequestsInProgress
from queuewright.local.handlers.included import IncludedCode
from queuewright.local.handlers.place import HandlerPlace
from queuewright.local.handlers.virtual_environments import VirtualEnvironments
from queuewright.local.kept_history import kept_history
from queuewright.local.processes.background import BackgroundTasks, cancel
from queuewright.local.processes.groups import ProcessGroups
from queuewright.local.processes.ports import listen
from queuewright.local.pull_queues.pull_queues import PullQueues
from queuewright.local.pull_queues.settings import PubSubSettings
from queuewright.local.queues.declared import DeclaredQueues
from queuewright.local.queues.denials import explanation
from queuewright.local.queues.held import HeldQueues
from queuewright.local.state_folder import StateFolder


@dataclass(frozen=True)
class Options:
    """How to run an environment."""

    root: Path
    """The project's folder, where sources are found."""
    stacks: Path
    """The folder of the environments' files, which is watched."""
    state: Path
    """The folder that keeps queues, tasks and virtual environments."""
    in_memory: bool = False
    """Keep no queues and tasks."""
    grpc_port: int = 8123
    http_port: int = 8124
    pubsub_port: int = 8085
    """Used with the first pull queue."""
    reload: bool = True
    """Follow changes of files."""
    verbose: bool = False
    patience_s: float = PATIENCE_S
    """How long the others wait for a handler that has been started and does not serve."""
    allowed_hosts: tuple[str, ...] = ()
    """Names of this machine that requests may use: see `RequestFilter`."""
    clock: Clock | None = None
    """The time of queues and tasks; None: the machine's."""
    log: LineWriter | None = None
    """Where to write the operations that Cloud Tasks logs, in its format; None: to the console."""


@dataclass
class Current:
    """The blueprint that runs now, for the engine's questions about it."""

    blueprint: Blueprint
    app_engine_urls: Mapping[str, str] = field(default_factory=dict)

    def app_engine_url(self, service: str, _version: str, _instance: str) -> str | None:
        """Return the URL of an App Engine service."""
        return self.app_engine_urls.get(service or "default")

    def queues(self) -> Mapping[str, str]:
        """Return the full names of its queues, by their ids."""
        return {plan.queue_id: plan.name for plan in self.blueprint.queues.values()}

    def allowed(self, queue: str) -> int | None:
        """Return the attempts that the file allows in a queue that keeps dead letters."""
        for plan in self.blueprint.queues.values():
            if plan.name == queue and plan.dead_letters is not None:
                return plan.dead_letters.max_attempts
        return None

    def explain(self, principal: str, permission: str, resource: str) -> str | None:
        """Return how the YAML would allow a call that was denied."""
        return explanation(self.blueprint, principal, permission, resource)


class Environment:
    """A running environment. Made by `Environment.started`."""

    def __init__(
        self,
        read: Callable[[], Blueprint],
        current: Current,
        engine: Engine,
        queues: DeclaredQueues,
        pull_queues: PullQueues,
        handlers: Handlers,
        held: HeldQueues,
        console: Console,
        addresses: tuple[str, str],
        dashboard: Dashboard,
        history: History,
    ) -> None:
        self._dashboard = dashboard
        self.engine = engine
        self.history = history
        self.pull_queues = pull_queues
        self.handlers = handlers
        self.grpc_address, self.http_address = addresses
        self._read = read
        self._current = current
        self._queues = queues
        self._held = held
        self._console = console
        self._is_up_to_date = True
        self._announce: Callable[[str | None], None] = lambda _: None
        """Tells the other commands where Pub/Sub is."""

    @classmethod
    @asynccontextmanager
    async def started(
        cls,
        read: Callable[[], Blueprint],
        options: Options,
        console: Console,
        groups: ProcessGroups,
    ) -> AsyncIterator[Self]:
        """Start an environment; when the block ends, stop it.

        It is started when every handler serves or is held, and edits are followed. It stops in
        order: following edits, dispatching, the handlers, the listeners.

        Args:
            read: reads the blueprint, again after each change of the environments' files and then
                in another thread.
            options: how to run it.
            console: where it prints.
            groups: starts its processes.

        Raises:
            SpecError: the environment's file has mistakes.
            TargetError: a port or the folder is taken, …; without edits to follow, also a handler
                that does not start.
        """
        current = Current(read())
        name = current.blueprint.environment
        async with AsyncExitStack() as stack:
            folder = stack.enter_context(StateFolder.locked(options.state))
            kept = None if options.in_memory else options.state / name
            printer = EventPrinter(
                console,
                verbose=options.verbose,
                log=options.log,
                is_kept=kept is not None,
                allowed=current.allowed,
            )
            signer = Signer.in_folder(options.state)
            settings = Settings(
                app_engine_url=current.app_engine_url,
                explain_denial=current.explain,
                descriptors_per_attempt=3,  # to the front door, at the front door, to the handler
            )
            held = HeldQueues(console, lambda names: engine.hold_queues(names))
            history = await stack.enter_async_context(kept_history(kept, console))
            view = EnvironmentView(
                lambda: current.blueprint, console, lambda: engine.clock.now_us()
            )
            console.on_log = view.printed
            dashboard = Dashboard(history, view)

            def show(event: Event) -> None:
                history.record(event)
                printer(event)
                held.notice(event)
                dashboard.notice(event)

            engine = Engine(
                clock=options.clock, state=kept, settings=settings, signer=signer, on_event=show
            )
            dashboard.open(engine)
            stack.push_async_callback(engine.stop)
            stack.push_async_callback(dashboard.close)
            grpc_port = await listen(
                partial(engine.serve_grpc, services=[history_service(history)]),
                HOST,
                options.grpc_port,
                "--grpc-port",
            )
            http_port = await listen(
                partial(
                    engine.serve_http,
                    allowed_hosts=options.allowed_hosts,
                    pages=dashboard.routes,
                ),
                HOST,
                options.http_port,
                "--http-port",
            )
            console.introduce(*current.blueprint.handlers)
            for plan in current.blueprint.queues.values():
                dead = (plan.dead_letters,) if plan.dead_letters is not None else ()
                console.introduce(*(f"queue {each.queue_id}" for each in (plan, *dead)))
            pull_queues = PullQueues(
                PubSubSettings(
                    clock=engine.clock,
                    console=console,
                    signer=signer,
                    state=kept,
                    port=options.pubsub_port,
                    verbose=options.verbose,
                    on_published=held.arrived,
                    allowed_hosts=options.allowed_hosts,
                )
            )
            stack.push_async_callback(pull_queues.stop)
            context = HandlerContext(
                root=options.root,
                engine=engine,
                signer=signer,
                groups=groups,
                background=await stack.enter_async_context(
                    BackgroundTasks(lambda source, text: console.say(source, text, "error"))
                ),
                virtual_environments=VirtualEnvironments(
                    options.state / "venvs", groups, say=console.say
                ),
                included=IncludedCode(options.state / "included"),
                console=console,
                held=held,
                in_progress=RequestsInProgress(history, current.queues, engine.clock.now_us),
                pull_queues=pull_queues,
                patience_s=options.patience_s,
                shell=dict(os.environ),
                allowed_hosts=options.allowed_hosts,
            )
            handlers = await stack.enter_async_context(Handlers.opened(context, current.blueprint))
            environment = cls(
                read,
                current,
                engine,
                DeclaredQueues(engine, console, kept),
                pull_queues,
                handlers,
                held,
                console,
                (f"{HOST}:{grpc_port}", f"{HOST}:{http_port}"),
                dashboard,
                history,
            )
            view.places = lambda: handlers.places
            view.held = lambda: held.handlers
            view.held_tasks = pull_queues.held_tasks
            view.reached_at = (f"gRPC {HOST}:{grpc_port}", f"REST http://{HOST}:{http_port}/v2/")
            await environment._begin(stack, context, options)
            environment._announce = partial(
                folder.announce, name, environment.grpc_address, environment.http_address
            )
            environment._announce(pull_queues.address)
            yield environment

    @property
    def blueprint(self) -> Blueprint:
        """What runs."""
        return self._current.blueprint

    @property
    def table(self) -> str:
        """Its queues, handlers and addresses, for people."""
        places = self.handlers.places.values()
        rows = [(p.plan.key, p.plan.kind, p.shown_address, self._runs(p)) for p in places]
        addresses = [("Cloud Tasks", f"gRPC {self.grpc_address}, REST http://{self.http_address}")]
        addresses.append(("Dashboard", f"http://{self.http_address}/"))
        if self.pull_queues.address is not None:
            addresses.append(("Pub/Sub", f"gRPC {self.pull_queues.address}"))
        queues, pulled = self.blueprint.queues.values(), self.blueprint.pull_queues.values()
        return ready_table([*queues, *pulled], rows, addresses)

    @property
    def held(self) -> list[str]:
        """The handlers that have not started; their tasks wait."""
        return self._held.handlers

    async def change(self, blueprint: Blueprint) -> bool:
        """Follow another blueprint from now on: only what differs is touched.

        Returns:
            Whether everything follows it. The console names what does not, and stays as it was.
        """
        self._current.blueprint = blueprint
        polled = await self._follow_pull_queues()
        follows = await self.handlers.change(blueprint)
        try:
            refused = await self._declare()
        except TargetError as error:  # the disk is full
            self._console.say(ENVIRONMENT, str(error), "error")
            return False
        for queue_id, refusal in refused.items():
            self._console.say(f"queue {queue_id}", f"not changed: {refusal.message}", "error")
        return polled and follows and not refused

    async def _follow_pull_queues(self) -> bool:
        """Make Pub/Sub match the blueprint; return whether it does. The console says the rest."""
        before = self.pull_queues.address
        try:
            refused = await self.pull_queues.follow(self.blueprint)
        except TargetError as error:
            self._console.say(ENVIRONMENT, f"pull queues do not run: {error}", "error")
            return False
        for queue_id, refusal in refused.items():
            self._console.say(f"queue {queue_id}", f"not changed: {refusal.message}", "error")
        if self.pull_queues.address != before:
            self._announce(self.pull_queues.address)
        return not refused

    def _runs(self, place: HandlerPlace) -> str:
        return "has not started" if place.plan.key in self._held else place.runs

    async def _begin(
        self, stack: AsyncExitStack, context: HandlerContext, options: Options
    ) -> None:
        """Begin to serve, to dispatch and to follow edits; `stack` ends it in the reverse order."""
        # Edits are watched first, so that none is missed while handlers start.
        edits = self._edits(options.stacks) if options.reload else None
        if edits is not None:
            stack.callback(edits.close)
        refused_pull_queues = await self.pull_queues.follow(self.blueprint)
        for queue_id, refusal in refused_pull_queues.items():
            self._console.say(f"queue {queue_id}", f"not changed: {refusal.message}", "error")
            self._is_up_to_date = False
        key = asyncio.create_task(asyncio.to_thread(context.signer.jwks))  # a new key takes a while
        try:
            await self.handlers.serve(self.blueprint, holds=edits is not None)
        finally:
            await key
        if refused := await self._declare():
            raise TargetError(
                "\n".join(f"queue `{name}`: {refusal.message}" for name, refusal in refused.items())
            )
        stack.push_async_callback(self.engine.stop)  # before the handlers stop
        stack.push_async_callback(self._dashboard.close)  # its streams would keep the listener
        await self.engine.start()
        await asyncio.to_thread(context.virtual_environments.prune)
        if edits is not None:
            following = context.background.keep(
                ENVIRONMENT, "following edits", partial(self._follow_edits, edits)
            )
            stack.push_async_callback(cancel, following)

    async def _declare(self) -> dict[str, Refusal]:
        """Make the engine's queues match the blueprint; return what it refused."""
        self._current.app_engine_urls = self.handlers.app_engine_urls
        handlers = {plan.name: plan.handler for plan in self.blueprint.queues.values()}
        pulled = self.blueprint.pull_queues.values()
        workers = {plan.topic: plan.worker for plan in pulled if plan.worker is not None}
        self._held.follow({**handlers, **workers})
        return await self._queues.declare(
            self.blueprint, self.handlers.addresses, self.pull_queues.publish_url
        )

    def _edits(self, stacks: Path) -> Edits | None:
        try:
            return Edits(lambda: self.handlers.folders, stacks)
        except TargetError as error:
            self._console.say(ENVIRONMENT, str(error), "warning")
            return None

    async def _follow_edits(self, edits: Edits) -> None:
        while touched := await edits.next():
            if None in touched:
                await self._reread()
            for key in touched:
                if key is not None:
                    self.handlers.reload(key, self.blueprint, "its files have changed")

    async def _reread(self) -> None:
        try:
            blueprint = await asyncio.to_thread(self._read)  # it may look at many files
        except QueuewrightError as error:
            text = f"{error}\nthe environment stays as it was"
            self._console.say(ENVIRONMENT, text, "error")
            return
        if blueprint == self.blueprint and self._is_up_to_date and not self.held:
            return
        self._console.say(ENVIRONMENT, f"`{blueprint.environment}` has changed")
        self._is_up_to_date = False
        self._is_up_to_date = await self.change(blueprint)
        if self._is_up_to_date:
            self._console.say(ENVIRONMENT, "up to date")
        else:
            text = "not up to date: see the errors above; the next save tries again"
            self._console.say(ENVIRONMENT, text, "warning")
