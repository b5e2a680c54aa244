"""Typed modules of an environment's queues, for producers: what `queuewright client` writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from queuewright.client.modules.content import Content, content
from queuewright.client.modules.python import python_module
from queuewright.client.modules.typescript import typescript_module

Language = Literal["python", "typescript"]

MODULES: Mapping[Language, Callable[[Content], str]] = {
    "python": python_module,
    "typescript": typescript_module,
}
"""Writes a module in each language. The same content always gives the same text."""

__all__ = ["MODULES", "Content", "Language", "content"]
