"""An environment on this machine: the engine with its queues, and every handler at its place."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TextIO

from queuewright.blueprint import AppEnginePlan, Blueprint, HandlerPlan, QueuePlan
from queuewright.engine import PROGRAM, Engine, Settings, Signer
from queuewright.engine.protocol import PauseQueueRequest, Policy, SetIamPolicyRequest
from queuewright.errors import QueuewrightError, Refusal, TargetError
from queuewright.local.console.console import ENVIRONMENT, Console
from queuewright.local.console.event_printer import Teller
from queuewright.local.door.front_door import HOST
from queuewright.local.edits import Watch
from queuewright.local.handlers.place import Premises, Station
from queuewright.local.handlers.virtual_environments import VirtualEnvironments
from queuewright.local.processes.groups import Nursery
from queuewright.local.processes.ports import listening
from queuewright.local.queues.declared import Declared
from queuewright.local.queues.denials import explanation
from queuewright.local.queues.planned import queue_message, queue_policy
from queuewright.local.state_folder import Running, StateFolder


@dataclass(frozen=True)
class Options:
    """How an environment is run."""

    root: Path
    """The project's folder: where sources are found."""
    stacks: Path
    """The folder of the environments' files, which is watched."""
    state: Path
    """The folder that keeps queues, tasks and virtual environments."""
    in_memory: bool = False
    """Keep no queues and tasks."""
    grpc_port: int = 8123
    http_port: int = 8124
    reload: bool = True
    """Follow changes of files."""
    verbose: bool = False
    log: TextIO | None = None
    """Where the operations go that Cloud Tasks logs, as it does it; None: to the console."""


class Environment:
    """An environment that runs, or is about to; `start`, and `stop` in any case.

    Args:
        read: reads the blueprint, again after each change of the environments' files.
        options: how it is run.
        console: gets every word of it.
    """

    def __init__(self, read: Callable[[], Blueprint], options: Options, console: Console) -> None:
        self.options = options
        self.stations: dict[str, Station] = {}
        self.grpc_address = ""
        self.http_address = ""
        self._read = read
        self._console = console
        self._tell = Teller(console, verbose=options.verbose, log=options.log)
        self._held = ExitStack()
        self._engine: Engine | None = None
        self._watch: Watch | None = None
        self._following: asyncio.Task[None] | None = None
        self._nursery: Nursery | None = None

    @property
    def blueprint(self) -> Blueprint:
        """What runs."""
        return self._blueprint

    @property
    def engine(self) -> Engine:
        """Cloud Tasks, here."""
        assert self._engine is not None, "it was started"
        return self._engine

    async def start(self) -> None:
        """Start everything, and return when every handler serves and edits are followed.

        Raises:
            SpecError: where the environment's file is not right.
            TargetError: a port or the folder is taken, a handler does not start, …
        """
        options = self.options
        self._blueprint = self._read()
        folder = self._held.enter_context(StateFolder(options.state))
        self._nursery = nursery = self._held.enter_context(Nursery())
        signer = Signer.in_folder(options.state)
        settings = Settings(
            app_engine_url=self._app_engine_url,
            explain_denial=self._explain,
            descriptors_per_attempt=3,  # to the front door, at the front door, to the handler
        )
        kept = None if options.in_memory else options.state / self._blueprint.environment
        self._engine = engine = Engine(
            state=kept, settings=settings, signer=signer, on_event=self._tell
        )
        self._declared = Declared(kept)
        venvs = VirtualEnvironments(options.state / "venvs", nursery, say=self._console.say)
        self._premises = Premises(
            options.root, engine, signer, nursery, venvs, self._console, dict(os.environ)
        )
        grpc_port = await listening(engine.serve_grpc, HOST, options.grpc_port, "--grpc-port")
        http_port = await listening(engine.serve_http, HOST, options.http_port, "--http-port")
        self.grpc_address, self.http_address = f"{HOST}:{grpc_port}", f"{HOST}:{http_port}"
        self._console.introduce(*self._blueprint.handlers)
        self._console.introduce(*(f"queue {plan.queue_id}" for plan in self._queues()))
        self.stations = self._places()
        for station in self.stations.values():
            await station.open(self._blueprint)
        if options.reload:
            self._watch = self._begin_watch()
        key = asyncio.create_task(asyncio.to_thread(signer.jwks))  # a new key takes its time
        try:
            await self._serve_all()
        finally:
            await key
        await self._declare()
        await engine.start()
        await asyncio.to_thread(venvs.prune)
        if self._watch is not None:
            self._following = asyncio.create_task(self._follow_edits(self._watch))
        started = datetime.now().astimezone().isoformat(timespec="seconds")
        folder.announce(
            Running(
                self._blueprint.environment,
                os.getpid(),
                self.grpc_address,
                self.http_address,
                started,
            )
        )

    async def stop(self) -> None:
        """Stop everything, in order: the watcher, dispatching, the handlers, the listeners."""
        if self._watch is not None:
            self._watch.close()
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])
        if self._engine is not None:
            await self._engine.stop()
        stations = self.stations.values()
        await asyncio.gather(*(station.stop() for station in stations))
        await asyncio.gather(*(station.close() for station in stations))
        await asyncio.to_thread(self._held.close)

    def kill(self) -> None:
        """Kill every process of a handler, now; for whoever will not wait for `stop`."""
        if self._nursery is not None:
            self._nursery.kill()

    async def change(self, blueprint: Blueprint) -> None:
        """Run by another blueprint from now on: only what differs is touched.

        What cannot be changed stays as it was, and the console says so.
        """
        before, self._blueprint = self._blueprint, blueprint
        for key in before.handlers.keys() - blueprint.handlers.keys():
            await self._close(key)
        for key, plan in blueprint.handlers.items():
            station = self.stations.get(key)
            try:
                wanted = Station(self._premises, plan)
                if station is None or not station.is_like(wanted, blueprint):
                    await self._close(key)
                    await self._open(key)
                elif not _is_same(station.plan, plan):
                    await station.change(plan, blueprint)
                    self._console.say(key, "runs by its new settings")
            except TargetError as error:
                self._console.say(key, str(error), "error")
        for station in self.stations.values():
            station.admit(blueprint)
        await self._declare()

    def _queues(self) -> list[QueuePlan]:
        return list(self._blueprint.queues.values())

    def _places(self) -> dict[str, Station]:
        stations, errors = {}, []
        for key, plan in self._blueprint.handlers.items():
            try:
                stations[key] = Station(self._premises, plan)
            except TargetError as error:
                errors.append(error)
        _raise_all(errors)
        return stations

    async def _serve_all(self) -> None:
        starting = [station.serve(self._blueprint) for station in self.stations.values()]
        results = await asyncio.gather(*starting, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, TargetError):
                raise result
        _raise_all([result for result in results if isinstance(result, TargetError)])

    async def _open(self, key: str) -> None:
        self._console.introduce(key)
        station = Station(self._premises, self._blueprint.handlers[key])
        await station.open(self._blueprint)
        self.stations[key] = station
        await station.serve(self._blueprint)
        self._console.say(key, "added")

    async def _close(self, key: str) -> None:
        station = self.stations.pop(key, None)
        if station is not None:
            await station.stop()
            await station.close()
            self._console.say(key, "removed")

    async def _declare(self) -> None:
        """Make the engine's queues be the blueprint's, and pause those that it no longer has."""
        addresses = {key: station.address for key, station in self.stations.items()}
        for plan in self._queues():
            if plan.handler not in addresses:
                continue  # its handler could not be put up, and the console said so
            message = queue_message(plan, self._blueprint, addresses)
            await self.engine.declare_queue(message)
            await self._allow(plan.name, queue_policy(self._blueprint.grants, plan.key))
        for name in self._declared.replace({plan.name for plan in self._queues()}):
            await self._retire(name)

    async def _allow(self, queue: str, policy: Policy) -> None:
        request = SetIamPolicyRequest(resource=queue, policy=policy)
        await self.engine.service.set_iam_policy(request, PROGRAM)

    async def _retire(self, name: str) -> None:
        """A queue that is no longer described has nowhere to send its tasks, but keeps them."""
        with suppress(Refusal):  # it was deleted by hand
            await self.engine.service.pause_queue(PauseQueueRequest(name=name), PROGRAM)
            self._console.say(
                ENVIRONMENT,
                f"queue `{name}` is no longer described: it is paused and keeps its tasks\n"
                "  hint: if it has another key now, give it `renamed_from: KEY`, the key it had",
                "warning",
            )

    def _app_engine_url(self, service: str, _version: str, _instance: str) -> str | None:
        """Where a service of App Engine is: one version of each runs here, and one instance."""
        for station in self.stations.values():
            target = station.plan.target
            if isinstance(target, AppEnginePlan) and target.service == (service or "default"):
                return station.address.url
        return None

    def _explain(self, principal: str, permission: str, resource: str) -> str | None:
        return explanation(self._blueprint, principal, permission, resource)

    async def _follow_edits(self, watch: Watch) -> None:
        while touched := await watch.touched():
            await self._follow(touched)
            if self._folders() != watch.handlers:
                before, self._watch = watch, self._begin_watch()
                await self._follow(await before.touched(timeout_s=0.1))
                before.close()
                if self._watch is None:
                    return
                watch = self._watch

    def _begin_watch(self) -> Watch | None:
        try:
            return Watch(self._folders(), self.options.stacks)
        except TargetError as error:
            self._console.say(ENVIRONMENT, str(error), "warning")
            return None

    def _folders(self) -> dict[str, Path]:
        places = {key: station.folder for key, station in self.stations.items()}
        return {key: folder for key, folder in places.items() if folder is not None}

    async def _follow(self, touched: set[str | None]) -> None:
        if None in touched:
            await self._reread()
        for key in touched:
            if key is not None and key in self.stations:
                self.stations[key].reload(self._blueprint, "its files have changed")

    async def _reread(self) -> None:
        try:
            blueprint = self._read()
        except QueuewrightError as error:
            text = f"{error}\nthe environment runs on as it was"
            self._console.say(ENVIRONMENT, text, "error")
            return
        if blueprint != self._blueprint:
            self._console.say(ENVIRONMENT, f"`{blueprint.environment}` has changed")
            await self.change(blueprint)
            self._console.say(ENVIRONMENT, "all is as described")


def _is_same(before: HandlerPlan, after: HandlerPlan) -> bool:
    """Whether two plans are the same, wherever they were written."""
    return before == replace(after, reason=before.reason)


def _raise_all(errors: list[TargetError]) -> None:
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise TargetError("\n".join(str(error) for error in errors))
