"""How to run Pub/Sub; importing it needs no extra package."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_PORT = 8085
"""The port of Google's own Pub/Sub emulator."""


@dataclass(frozen=True)
class PubSubOptions:
    """How to run Pub/Sub."""

    port: int = DEFAULT_PORT
    """0 lets the system choose."""
    topics: tuple[str, ...] = ()
    """The full names of topics that must exist."""
    subscriptions: tuple[str, ...] = ()
    """Subscriptions that must exist, each as `NAME[:TOPIC]`: NAME is a full name, TOPIC an id in
    the same project or a full name. Without TOPIC, the topic has the subscription's id."""
