"""`queuewright dead-letters`: the tasks that a queue gave up, here or on Google Cloud."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import click

from queuewright.cli.buried import Choice, Graveyard, time_now
from queuewright.cli.counted import counted
from queuewright.cli.duration_option import DURATION
from queuewright.cli.letter_rows import letter_lines, letter_row, letters_table
from queuewright.cli.printing import echo, echo_json
from queuewright.cli.project import find_target, target_options
from queuewright.cli.rows import show_rows
from queuewright.cloud_tasks.durations import written_duration
from queuewright.dead_letters import REASONS, DeadLetter
from queuewright.engine.protocol import Task
from queuewright.errors import TargetError

Letters = list[tuple[DeadLetter, Task]]

_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Only say how many letters it would be.")
_ALL = click.option("--all", "every", is_flag=True, help="Every letter.")


@click.group("dead-letters")
def command() -> None:
    """The tasks that a queue with `dead_letters` gave up: look at them, send them again.

    A LETTER is the beginning of a letter's id, or the id of the task that it was.
    """


def _choosing(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that choose letters, as the argument `choice`."""

    @functools.wraps(function)
    def chosen(
        *arguments: object,
        text: str | None,
        status: int | None,
        reason: str | None,
        older: timedelta | None,
        newer: timedelta | None,
        **others: object,
    ) -> None:
        choice = Choice((), text, status, reason, older, newer)
        function(*arguments, choice=choice, **others)

    result: Callable[..., None] = chosen
    for option in (
        click.option("--newer", type=DURATION, metavar="TIME", help="Dead for less than this."),
        click.option("--older", type=DURATION, metavar="TIME", help="Dead for at least this long."),
        click.option("--reason", type=click.Choice(list(REASONS)), help="Why it is dead."),
        click.option("--status", type=int, help="The HTTP status of the last answer, such as 503."),
        click.option("--text", help="In its body, its error, its traceback or a header."),
    ):
        result = option(result)
    return target_options(result)


@command.command("list")
@click.argument("queue")
@_choosing
@_AS_JSON
def list_letters(
    queue: str, choice: Choice, as_json: bool, environment: str | None, state: Path | None
) -> None:
    """List the dead letters of QUEUE, the oldest first."""
    graveyard = Graveyard.of(find_target(environment, state), queue)
    now = time_now()
    kept, _ = _kept(graveyard, now)
    chosen = [letter for letter, _ in kept if choice.takes(letter, now)]
    rows = [letter_row(each, whole=as_json) for each in chosen]
    nothing = f"no dead letters of `{graveyard.plan.key}`, {graveyard.target}"
    if kept and not chosen:
        nothing = f"{counted(len(kept), 'dead letter')}, none of which matches"
    show_rows(rows, partial(letters_table, now=now), as_json=as_json, nothing=nothing)


@command.command("show")
@click.argument("queue")
@click.argument("letter")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@target_options
def show(
    queue: str, letter: str, as_json: bool, environment: str | None, state: Path | None
) -> None:
    """Show what happened to one task: its error, its traceback, its request and its body."""
    graveyard = Graveyard.of(find_target(environment, state), queue)
    now = time_now()
    kept, _ = _kept(graveyard, now)
    found = [each for each, _ in kept if Choice((letter,)).takes(each, now)]
    _found_each(graveyard, (letter,), found)
    if len(found) > 1:
        raise _ambiguous(letter, found)
    if as_json:
        echo_json(letter_row(found[0], whole=True))
        return
    for line in letter_lines(found[0]):
        for part in line.split("\n"):
            echo(part)


def _number(context: click.Context, option: click.Parameter, value: float | None) -> float | None:
    """Refuse `nan`, which every range lets through."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is not a number", context, option)
    return value


@command.command("replay")
@click.argument("queue")
@click.argument("letters", nargs=-1, metavar="[LETTER]...")
@_ALL
@_choosing
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    callback=_number,
    metavar="NUMBER",
    help="How many tasks are due in a second. Default: all at once, at the queue's own rate.",
)
@_DRY_RUN
@_AS_JSON
def replay(
    queue: str,
    letters: tuple[str, ...],
    every: bool,
    rate: float | None,
    dry_run: bool,
    as_json: bool,
    choice: Choice,
    environment: str | None,
    state: Path | None,
) -> None:
    """Add the tasks to QUEUE again, in the order in which they died, and delete their letters.

    Each has the body, URL and headers that it had. Nothing is lost or doubled if this is stopped
    halfway and called again.
    """
    graveyard = Graveyard.of(find_target(environment, state), queue)
    now = time_now()
    chosen = _chosen(graveyard, now, replace(choice, ids=letters), every=every)
    if dry_run:
        _say(len(chosen), "would be replayed", as_json=as_json)
        return
    already = 0
    tasks = [task for _, task in chosen]
    for (letter, _), is_new in zip(chosen, graveyard.replay(tasks, rate, now), strict=True):
        already += not is_new
        if as_json:
            echo_json({"id": letter.letter_id, "task": letter.task, "replayed": is_new})
    if not as_json:
        _say(len(chosen) - already, "replayed", as_json=False)
        if already:
            echo(f"{already:,} had been replayed before", err=True)


@command.command("discard")
@click.argument("queue")
@click.argument("letters", nargs=-1, metavar="[LETTER]...")
@_ALL
@click.option("--expired", is_flag=True, help="Those that are older than the queue's `keep`.")
@_choosing
@_DRY_RUN
@click.option("--yes", is_flag=True, help="Do not ask.")
@_AS_JSON
def discard(
    queue: str,
    letters: tuple[str, ...],
    every: bool,
    expired: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    choice: Choice,
    environment: str | None,
    state: Path | None,
) -> None:
    """Delete dead letters of QUEUE. They cannot be brought back."""
    graveyard = Graveyard.of(find_target(environment, state), queue)
    now = time_now()
    choice = replace(choice, ids=letters)
    if expired:
        if every or not choice.is_of_all:
            raise click.UsageError("`--expired` goes alone")
        _, chosen = _kept(graveyard, now, says=False)
    else:
        chosen = _chosen(graveyard, now, choice, every=every)
    if dry_run:
        _say(len(chosen), "would be discarded", as_json=as_json)
        return
    if chosen and not yes:
        what = f"discard {counted(len(chosen), 'dead letter')} of `{graveyard.plan.key}`"
        if not sys.stdin.isatty():
            raise click.UsageError(f"{what}?\n  hint: agree with `--yes`")
        click.confirm(f"{what}, {graveyard.target}?", abort=True, err=True)
    for letter, task in chosen:
        graveyard.discard(task)
        if as_json:
            echo_json({"id": letter.letter_id, "task": letter.task})
    if not as_json:
        _say(len(chosen), "discarded", as_json=False)


def _kept(graveyard: Graveyard, now: datetime, *, says: bool = True) -> tuple[Letters, Letters]:
    """The letters that are kept, and those that are older than the queue's `keep`."""
    kept: Letters = []
    expired: Letters = []
    keep: timedelta = graveyard.dead.keep
    for letter, task in graveyard.letters():
        (expired if letter.is_older_than(keep, now) else kept).append((letter, task))
    if expired and says:
        what = f"{counted(len(expired), 'dead letter')} older than {written_duration(keep)}"
        discards = f"`queuewright dead-letters discard {graveyard.plan.key} --expired`"
        echo(f"{what} left out; {discards} deletes them", err=True)
    return kept, expired


def _chosen(graveyard: Graveyard, now: datetime, choice: Choice, *, every: bool) -> Letters:
    """The letters that a command is to change.

    Raises:
        click.UsageError: nothing says which.
        TargetError: there is none with an id.
    """
    if every and choice.ids:
        raise click.UsageError("give letters or `--all`, not both")
    if not every and choice.is_of_all:
        raise click.UsageError("name letters, choose them with options, or give `--all`")
    kept, _ = _kept(graveyard, now)
    chosen = [(letter, task) for letter, task in kept if choice.takes(letter, now)]
    _found_each(graveyard, choice.ids, [letter for letter, _ in kept])
    return chosen


def _found_each(graveyard: Graveyard, ids: tuple[str, ...], found: list[DeadLetter]) -> None:
    """Check that each id names something, and no id is the beginning of several letters' ids."""
    for each in ids:
        named = [letter for letter in found if Choice((each,)).takes(letter, letter.died)]
        if not each or not named:
            raise TargetError(
                f"no dead letter of `{graveyard.plan.key}` is `{each}`",
                hint=f"`queuewright dead-letters list {graveyard.plan.key}` lists them",
            )
        if len(named) > 1 and all(letter.task != each for letter in named):
            raise _ambiguous(each, named)


def _ambiguous(given: str, found: list[DeadLetter]) -> TargetError:
    hint = "give more of its id: " + ", ".join(each.letter_id[:12] for each in found[:5])
    return TargetError(f"`{given}` names {len(found)} letters", hint=hint)


def _say(count: int, done: str, *, as_json: bool) -> None:
    if as_json:
        echo_json({"count": count})
    else:
        echo(f"{counted(count, 'dead letter')} {done}")
