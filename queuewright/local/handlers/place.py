"""A handler's place on this machine: its address, and what answers there.

That is a process behind a front door, something that runs already behind a front door, or the
catcher.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from queuewright.blueprint import (
    AppEnginePlan,
    Blueprint,
    FunctionPlan,
    HandlerPlan,
    ServicePlan,
    UrlPlan,
)
from queuewright.blueprint.names import app_engine_email
from queuewright.engine import Caller, Engine, Signer
from queuewright.errors import TargetError
from queuewright.local.console.console import Console
from queuewright.local.door.access import Access, callers
from queuewright.local.door.catcher import Catcher
from queuewright.local.door.front_door import HOST, Backend, FrontDoor, Limits
from queuewright.local.handlers.command import Caught, Command, Elsewhere, how_it_runs
from queuewright.local.handlers.handler_process import LocalHandler, Recipe
from queuewright.local.handlers.variables import Place, TasksApi, unset_secrets, variables
from queuewright.local.handlers.virtual_environments import VirtualEnvironments, our_interpreter
from queuewright.local.processes.groups import Nursery
from queuewright.local.queues.planned import Address

# An App Engine instance takes 10 requests at once unless it says otherwise, and a request may
# take 10 minutes: https://cloud.google.com/appengine/docs/standard/reference/app-yaml#automatic_scaling,
# https://cloud.google.com/appengine/docs/standard/how-requests-are-handled.
APP_ENGINE_CONCURRENCY, APP_ENGINE_TIMEOUT_S = 10, 600.0


@dataclass(frozen=True)
class Premises:
    """What all handlers of an environment share."""

    root: Path
    engine: Engine
    signer: Signer
    nursery: Nursery
    venvs: VirtualEnvironments
    console: Console
    shell: Mapping[str, str]
    """This process's own variables."""


class Station:
    """One handler's place; made by `open_station`."""

    def __init__(self, premises: Premises, plan: HandlerPlan) -> None:
        self.plan = plan
        self.how = how_it_runs(plan, premises.root)
        self.door: FrontDoor | None = None
        self.catcher: Catcher | None = None
        self.handler: LocalHandler | None = None
        self.tasks: TasksApi | None = None
        self._premises = premises
        self._principal: str | None = None
        self._reloading: asyncio.Task[None] | None = None

    @property
    def folder(self) -> Path | None:
        """The folder whose files it runs; None where it runs none."""
        if isinstance(self.how, Command) and self.plan.source is not None:
            return self._premises.root / self.plan.source
        return None

    @property
    def address(self) -> Address:
        """Where its tasks go."""
        if self.catcher is not None:
            return Address(f"http://{HOST}:{self.catcher.port}", is_its_own=False)
        if self.door is not None:
            return Address(self.door.url, is_its_own=isinstance(self.plan.target, UrlPlan))
        assert isinstance(self.how, Elsewhere), "it has a door, a catcher or an address of its own"
        return Address(self.how.url, is_its_own=True)

    def is_like(self, other: Station, blueprint: Blueprint) -> bool:
        """Whether this one can become `other`, of a new `blueprint`, without another address."""
        return (
            type(self.how) is type(other.how)
            and type(self.plan.target) is type(other.plan.target)
            and self._principal == _principal(other.plan, blueprint)
        )

    async def open(self, blueprint: Blueprint) -> None:
        """Listen: from now on it has an address, and requests wait."""
        console, name = self._premises.console, self.plan.key
        self._principal = _principal(self.plan, blueprint)
        if isinstance(self.how, Caught):
            self.catcher = Catcher(on_caught=lambda text: console.say(name, text))
            await self.catcher.start()
        elif isinstance(self.how, Command) or not isinstance(self.plan.target, UrlPlan):
            self.door = FrontDoor(
                name,
                limits(self.plan),
                now_us=self._premises.engine.clock.now_us,
                on_refused=lambda text: console.say(name, text, "warning"),
            )
            await self.door.start()
            self.admit(blueprint)
        if isinstance(self.how, Command) and self._principal is not None:
            engine, caller = self._premises.engine, Caller(self._principal)
            grpc_port = await engine.serve_grpc(HOST, 0, caller=caller)
            http_port = await engine.serve_http(HOST, 0, caller=caller)
            self.tasks = TasksApi(grpc_port, http_port)

    def admit(self, blueprint: Blueprint) -> None:
        """Let in those whom a blueprint lets in."""
        if self.door is not None and isinstance(self.plan.target, FunctionPlan | ServicePlan):
            name = self.plan.key
            self.door.access = Access(
                name, self.door.url, callers(blueprint, name), self._premises.signer
            )

    async def serve(self, blueprint: Blueprint) -> None:
        """Let serve what shall serve: start its process, or put a new one in its place.

        Raises:
            TargetError: where it does not serve; a process from before stays.
        """
        if self.catcher is not None:
            self.catcher.base = _base(self.plan, blueprint)
        elif self.door is not None and isinstance(self.how, Elsewhere):
            await self.door.open(Backend(self.how.url, comes_back=False))
        elif self.door is not None and isinstance(self.how, Command):
            if self.handler is None:
                self.handler = LocalHandler(
                    self.plan.key, self.door, self._premises.nursery, self._premises.console
                )
            self._warn_of_secrets()
            await self.handler.start(self._recipe(self.how, blueprint))

    def reload(self, blueprint: Blueprint, reason: str) -> None:
        """Begin to put a new process in the place of the running one; its words tell how it went.

        One that has begun and has not finished is given up for it.
        """
        if self._reloading is not None:
            self._reloading.cancel()
        self._reloading = asyncio.create_task(self._reload(blueprint, reason))

    async def change(self, plan: HandlerPlan, blueprint: Blueprint) -> None:
        """Run by another plan from now on, that of the same kind of place.

        Raises:
            TargetError: where that does not work; it runs as before.
        """
        before = self.plan, self.how
        self.how = how_it_runs(plan, self._premises.root)
        self.plan = plan
        if self.door is not None:
            self.door.limit(limits(plan))
        try:
            await self.serve(blueprint)
        except TargetError:
            self.plan, self.how = before
            if self.door is not None:
                self.door.limit(limits(self.plan))
            raise

    async def stop(self) -> None:
        """Stop its process; its address stays, and requests wait."""
        if self._reloading is not None:
            self._reloading.cancel()
            await asyncio.wait([self._reloading])
        if self.handler is not None:
            await self.handler.stop()

    async def close(self) -> None:
        """Close its address, and its way to Cloud Tasks."""
        if self.tasks is not None:
            for port in (self.tasks.grpc_port, self.tasks.http_port):
                await self._premises.engine.stop_serving(port, HOST)
        if self.door is not None:
            await self.door.stop()
        if self.catcher is not None:
            await self.catcher.stop()

    async def _reload(self, blueprint: Blueprint, reason: str) -> None:
        console, name = self._premises.console, self.plan.key
        console.say(name, f"{reason}: reloads")
        try:
            self.how = how_it_runs(self.plan, self._premises.root)
            await self.serve(blueprint)
        except (TargetError, OSError) as error:
            console.say(name, f"{error}\nthe code from before goes on serving", "error")
        else:
            console.say(name, "reloaded")

    def _recipe(self, command: Command, blueprint: Blueprint) -> Recipe:
        plan, premises = self.plan, self._premises

        async def interpreter() -> Path:
            if command.requirements is None:
                return our_interpreter()
            return await premises.venvs.interpreter(plan.key, command.requirements, command.needs)

        def environment(port: int) -> Mapping[str, str]:
            return variables(
                plan,
                blueprint,
                Place(port, self.tasks),
                image=command.environment,
                shell=premises.shell,
            )

        return Recipe(command, interpreter, environment)

    def _warn_of_secrets(self) -> None:
        for name, secret in unset_secrets(self.plan, self._premises.shell).items():
            self._premises.console.say(
                self.plan.key,
                f"{name} is not set here (the secret `{secret.secret}`)\n"
                f"  hint: set {name} in this shell, or in `handlers.{self.plan.key}.local.env`",
                "warning",
            )


def limits(plan: HandlerPlan) -> Limits:
    """How much a handler's instances take at once, and for how long."""
    target = plan.target
    if isinstance(target, FunctionPlan | ServicePlan):
        runtime = target.runtime
        return Limits(runtime.instances.max * runtime.concurrency, runtime.timeout.total_seconds())
    if isinstance(target, AppEnginePlan):
        return Limits(target.instances.max * APP_ENGINE_CONCURRENCY, APP_ENGINE_TIMEOUT_S)
    return Limits(1000, APP_ENGINE_TIMEOUT_S)


def _principal(plan: HandlerPlan, blueprint: Blueprint) -> str | None:
    """Whom the handler calls Cloud Tasks as; None for somebody else's endpoint."""
    if plan.account is not None:
        return blueprint.accounts[plan.account].member
    if isinstance(plan.target, AppEnginePlan):
        return f"serviceAccount:{app_engine_email(blueprint.project)}"
    return None


def _base(plan: HandlerPlan, blueprint: Blueprint) -> str:
    """Scheme and host of what does not run here."""
    if isinstance(plan.target, UrlPlan):
        return "/".join(plan.target.url.split("/", 3)[:3])
    return f"https://{plan.name} in {blueprint.project}"
