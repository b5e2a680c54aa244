"""The grammar of a spec file, with ranges and defaults.

The JSON schema, the reference page and the ranges in error messages are generated from this class
and the models of queues and handlers.
"""

from __future__ import annotations

from pydantic import Field, JsonValue

from queuewright.spec.closed import Closed
from queuewright.spec.fields import (
    Filled,
    LabelKey,
    LabelValue,
    LocationId,
    Prefix,
    ProjectId,
)
from queuewright.spec.handler_model import HandlerSpec
from queuewright.spec.pull_model import PullQueueSpec
from queuewright.spec.queue_model import QueueSpec


class SpecFile(Closed):
    """One file in `stacks/`: an environment, or the settings that several share."""

    authority = "Google Cloud"

    extends: Filled | None = Field(
        None,
        examples=["base.yaml"],
        description="A base file, relative to this file. Maps merge key by key, a list or a scalar "
        "replaces, `null` removes.",
    )
    project: ProjectId = Field(examples=["acme-dev"], description="The Google Cloud project.")
    location: LocationId = Field(
        examples=["europe-west1"], description="The region of queues and handlers."
    )
    prefix: Prefix | None = Field(
        None,
        examples=["feature-7"],
        description="Prefix of every name on Google Cloud, so that two stacks can share a project.",
    )
    labels: dict[LabelKey, LabelValue] = Field(
        {},
        examples=[{"team": "growth"}],
        # https://cloud.google.com/resource-manager/docs/labels-overview
        max_length=64,
        description="Labels on every resource that supports them.",
    )
    handler_defaults: dict[str, JsonValue] = Field(
        {},
        examples=[{"memory": "256Mi", "instances": {"max": 10}}],
        description="Default settings of the handlers; each handler uses those of its kind.",
    )
    queue_defaults: dict[str, JsonValue] = Field(
        {},
        examples=[{"protect": False}],
        description="Default settings of the queues; each queue uses those of its kind.",
    )
    handlers: dict[str, HandlerSpec] = Field(
        {},
        examples=[{"webhook": {"url": "https://partner.example/hooks"}}],
        description="The code that handles tasks, by name.",
    )
    queues: dict[str, QueueSpec | PullQueueSpec] = Field(
        {},
        examples=[{"emails": {"handler": "mailer"}}],
        description="The queues, by id; one with `pull` is a pull queue.",
    )
