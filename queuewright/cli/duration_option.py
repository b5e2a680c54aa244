"""The type of an option that is a duration such as `10m`, as in the environments' files."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import click

from queuewright.cloud_tasks.durations import parse_us


class _Duration(click.ParamType[timedelta]):
    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        try:
            return timedelta(microseconds=parse_us(str(value)))
        except (ValueError, OverflowError):
            self.fail(f"`{value}` is not a duration such as `90s`, `10m` or `1h30m`", param, ctx)


DURATION: Final = _Duration()
