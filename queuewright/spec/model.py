"""What a spec file may say: the grammar, its ranges and its defaults.

The words here, and in the models of queues and handlers, are the reference: the JSON schema, the
reference page and every range named in an error are generated from these classes.
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
from queuewright.spec.queue_model import QueueSpec


class SpecFile(Closed):
    """One file of `stacks/`: one environment, or what several share."""

    authority = "Google Cloud"

    extends: Filled | None = Field(
        None,
        examples=["base.yaml"],
        description="A file beside this one that it builds on. Maps merge key by key, a list or a "
        "scalar replaces, `null` removes.",
    )
    project: ProjectId = Field(examples=["acme-dev"], description="The Google Cloud project.")
    location: LocationId = Field(
        examples=["europe-west1"], description="The region of queues and handlers."
    )
    prefix: Prefix | None = Field(
        None,
        examples=["feature-7"],
        description="Put before every name, so that two stacks can share a project.",
    )
    labels: dict[LabelKey, LabelValue] = Field(
        {},
        examples=[{"team": "growth"}],
        # https://cloud.google.com/resource-manager/docs/labels-overview
        max_length=64,
        description="Labels on everything that takes them.",
    )
    handler_defaults: dict[str, JsonValue] = Field(
        {},
        examples=[{"memory": "256Mi", "instances": {"max": 10}}],
        description="Settings of every handler that has them and does not say otherwise.",
    )
    queue_defaults: dict[str, JsonValue] = Field(
        {},
        examples=[{"protect": False}],
        description="Settings of every queue that does not say otherwise.",
    )
    handlers: dict[str, HandlerSpec] = Field(
        {},
        examples=[{"webhook": {"url": "https://partner.example/hooks"}}],
        description="The code that handles tasks, by name.",
    )
    queues: dict[str, QueueSpec] = Field(
        {}, examples=[{"emails": {"handler": "mailer"}}], description="The queues, by id."
    )
