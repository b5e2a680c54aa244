"""A pull queue, its dead letters, its delays, its worker and its enqueuers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, Self

import pulumi
from pulumi_gcp import cloudtasks, projects, pubsub

from queuewright.blueprint import (
    ADD_TASKS,
    POLL,
    PUBLISH,
    AccountPlan,
    DeadLetterPlan,
    PullQueuePlan,
    PullQueueSettings,
    delay_queue_settings,
    first_key,
    pull_queue_settings,
)
from queuewright.cloud_tasks.durations import seconds
from queuewright.spec import DeadLetters, PullSettings, delays_key
from queuewright.spec.fields import MEMBER
from queuewright.spec.values import shown

from .accounts import Identity
from .arguments import pull_queue_arguments
from .delays import DelayArguments, Delays, created_delays
from .grants import Grantee, named_grant
from .mistakes import mistake
from .options import former_names, renamed, within
from .project import PUBSUB, ServiceAgent

TYPE = "queuewright:index:PullQueue"

Part = Literal["topic", "subscription", "dead_letter_topic", "delay_queue"]
"""What a role can be granted on."""

Member = pubsub.TopicIAMMember | pubsub.SubscriptionIAMMember | cloudtasks.QueueIamMember


class PullQueue(pulumi.ComponentResource):
    """A pull queue: a Pub/Sub topic, and a subscription where its tasks wait for a worker.

    Every setting is written out, with Google's default if none is given. The subscription never
    expires; by default, Google would delete it after a month without activity.

    Attributes:
        topic: where enqueuers publish.
        subscription: what the worker polls.
        dead_letter_topic: where Pub/Sub moves the tasks that are given up; `None` if none are.
        dead_letter_subscription: what keeps them; `None` if they are dropped.
        delays: what keeps delayed tasks, with `{"delays": True}`; `None` if a task cannot have a
            delay.
        console: the URL of the subscription's page in Google's console.

    Args:
        name: the component's logical name.
        project: the id of the project.
        location: the region where tasks are stored.
        pull: as in the YAML, such as `{"lease": "60s", "max_attempts": 5}`. Default: Google's.
        worker: an IAM member that polls it, such as `serviceAccount:…`. A `Worker` names the queue
            in its own `polls`.
        enqueuers: handlers, and IAM members such as `serviceAccount:…`.
        dead_letters: keep the tasks that are given up: `True`, or as in the YAML `{"keep": "14d"}`.
            Default: off.
        queue_id: the id of the topic and the subscription: at most 100 letters, digits and hyphens.
            Default: `name`, or the oldest former name.
        labels: on the topics and subscriptions.
        key: its name in other logical names; `name` ends with it. Default: `name`.
        renamed_from: its former keys, oldest first. A renamed queue stays the same on Google Cloud;
            only logical names change.
        protect: refuse to delete or replace the queue. Default: on.

    Raises:
        SpecError: arguments that a YAML file could not have, each with a fix.
    """

    topic: pubsub.Topic
    subscription: pubsub.Subscription
    dead_letter_topic: pubsub.Topic | None
    dead_letter_subscription: pubsub.Subscription | None
    delays: Delays | None
    console: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        project: str,
        location: str,
        pull: PullSettings | Mapping[str, object] | None = None,
        worker: Grantee | str | None = None,
        enqueuers: Sequence[Grantee | str] = (),
        dead_letters: DeadLetters | Mapping[str, object] | bool = False,
        queue_id: str | None = None,
        labels: Mapping[str, str] | None = None,
        key: str | None = None,
        renamed_from: Sequence[str] = (),
        protect: bool = True,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        first = first_key(name, former_names(name, key, renamed_from))
        called = queue_id or first
        checked = pull_queue_arguments(
            name,
            called,
            project=project,
            location=location,
            labels=labels,
            members=[*([worker] if worker is not None else []), *enqueuers],
            settings={"pull": pull, "dead_letters": dead_letters, "protect": protect},
        )
        self._begin(name, key, renamed_from, project, opts)
        settings = pull_queue_settings(
            called,
            checked.pull,
            location=location,
            dead_letters=checked.dead_letters,
            protect=protect,
        )
        delays = None
        if checked.pull.delays:
            topic = f"projects/{project}/topics/{called}"
            delays = DelayArguments(
                delay_queue_settings(called, topic, protect=protect),
                Identity.of(first, "delays"),
                location,
                delays_key(key or name),
                [delays_key(each) for each in renamed_from],
            )
        self._create(settings, labels or {}, delays)
        if self.delays is not None:
            self.admit(self.delays)
        if settings.dead_letters is not None:
            identity = projects.ServiceIdentity(
                f"{name}-pubsub-agent", project=project, service=PUBSUB, opts=within(self, opts)
            )
            agent = ServiceAgent(PUBSUB, identity.member)
            self.admit(agent, role=PUBLISH, part="dead_letter_topic")
            self.admit(agent, role=POLL, part="subscription")
        if worker is not None:
            self.admit_worker(worker)
        for each in enqueuers:
            self.admit(each)
            if self.delays is not None:
                self.admit(each, role=ADD_TASKS, part="delay_queue")

    @classmethod
    def from_plan(
        cls,
        name: str,
        plan: PullQueuePlan,
        *,
        project: str,
        location: str,
        accounts: Mapping[str, AccountPlan],
        labels: Mapping[str, str],
        opts: pulumi.ResourceOptions,
    ) -> Self:
        """The planned queue, without grants; `accounts` has the one of its delays."""
        delays = None
        if plan.delays is not None:
            delays = DelayArguments(
                plan.delays,
                accounts[plan.delays.account],
                location,
                plan.delays.account,
                [delays_key(each) for each in plan.renamed_from],
            )
        queue = cls.__new__(cls)
        queue._begin(name, plan.key, plan.renamed_from, project, opts)
        queue._create(plan, labels, delays)
        return queue

    @property
    def name(self) -> pulumi.Output[str]:
        """The topic's full name, `projects/P/topics/T`; known once its enqueuers may publish."""
        granted = [grant.id for grant in self._grants["topic"]]
        return pulumi.Output.all(self.topic.id, *granted).apply(lambda ids: str(ids[0]))

    @property
    def delays_name(self) -> pulumi.Output[str]:
        """The full name of the queue for delays; known once its enqueuers may add.

        Raises:
            ValueError: the queue has no delays.
        """
        granted = [grant.id for grant in self._grants["delay_queue"]]
        queue = self._delay_queue().id
        return pulumi.Output.all(queue, *granted).apply(lambda ids: str(ids[0]))

    def admit(
        self,
        member: Grantee | str,
        *,
        role: str = PUBLISH,
        part: Part = "topic",
        hooks: pulumi.ResourceHookBinding | None = None,
    ) -> Member:
        """Grant a role on a part of this queue to a handler or an IAM member. Default: to enqueue.

        Raises:
            SpecError: a text that is not an IAM member, or stands for anyone.
        """
        if isinstance(member, str) and not re.fullmatch(MEMBER, member):
            hint = "give the handler itself, or a member such as `serviceAccount:…`"
            raise mistake(self._name, "admit", f"{shown(member)} is not an IAM member", hint)
        infix = {"dead_letter_topic": "-dead-letter", "delay_queue": "-delays"}.get(part, "")
        guarded = f"{self._name}{infix}"
        grant = named_grant(guarded, role, member)
        options = within(self, self._opts, former=grant.former, hooks=hooks)
        granted: Member
        if part == "subscription":
            granted = pubsub.SubscriptionIAMMember(
                grant.name,
                project=self._project,
                subscription=self.subscription.name,
                role=role,
                member=grant.member,
                opts=options,
            )
        elif part == "delay_queue":
            queue = self._delay_queue()
            granted = cloudtasks.QueueIamMember(
                grant.name,
                project=self._project,
                location=queue.location,
                name=queue.name,
                role=role,
                member=grant.member,
                opts=options,
            )
        else:
            topic = self.topic if part == "topic" else self.dead_letter_topic
            if topic is None:
                raise ValueError(f"{self._name} has no dead-letter topic")
            granted = pubsub.TopicIAMMember(
                grant.name,
                project=self._project,
                topic=topic.name,
                role=role,
                member=grant.member,
                opts=options,
            )
        self._grants[part].append(granted)
        return granted

    def admit_worker(
        self, worker: Grantee | str, *, hooks: pulumi.ResourceHookBinding | None = None
    ) -> Member:
        """Let a worker or an IAM member take tasks from this queue.

        Raises:
            SpecError: a text that is not an IAM member, or stands for anyone.
        """
        return self.admit(worker, role=POLL, part="subscription", hooks=hooks)

    def _begin(
        self,
        name: str,
        key: str | None,
        renamed_from: Sequence[str],
        project: str,
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        """Create the component itself."""
        former = former_names(name, key, renamed_from)
        super().__init__(TYPE, name, None, renamed(opts, former))
        self._name, self._project, self._opts = name, project, opts
        self._grants: dict[Part, list[Member]] = {
            "topic": [],
            "subscription": [],
            "dead_letter_topic": [],
            "delay_queue": [],
        }

    def _delay_queue(self) -> cloudtasks.Queue:
        if self.delays is None:
            raise ValueError(f"{self._name} has no delays")
        return self.delays.queue

    def _create(
        self,
        settings: PullQueueSettings,
        labels: Mapping[str, str],
        delays: DelayArguments | None,
    ) -> None:
        """Create the topics and subscriptions, and what keeps delayed tasks."""
        options, loose = within(self, self._opts), within(self, self._opts)
        options.protect = settings.protect
        self.topic = self._topic("topic", settings.queue_id, settings, labels, options)
        dead = settings.dead_letters
        self.dead_letter_topic = self.dead_letter_subscription = None
        policy: pubsub.SubscriptionDeadLetterPolicyArgsDict | None = None
        if dead is not None:
            # A topic that drops its tasks has nothing to protect.
            of_dead = options if dead.subscription_id is not None else loose
            self.dead_letter_topic = self._topic(
                "dead-letter-topic", dead.topic_id, settings, labels, of_dead
            )
            policy = {
                "dead_letter_topic": self.dead_letter_topic.id,
                "max_delivery_attempts": dead.max_attempts,
            }
            self._keep(dead, self.dead_letter_topic, settings, labels, options)
        self.subscription = pubsub.Subscription(
            f"{self._name}-subscription",
            name=settings.queue_id,
            project=self._project,
            topic=self.topic.id,
            labels=dict(labels),
            ack_deadline_seconds=round(settings.lease.total_seconds()),
            message_retention_duration=seconds(settings.keep),
            retry_policy={
                "minimum_backoff": seconds(settings.min_backoff),
                "maximum_backoff": seconds(settings.max_backoff),
            },
            enable_message_ordering=settings.ordering,
            dead_letter_policy=policy,
            expiration_policy=NEVER,
            opts=options,
        )
        self.delays = None
        if delays is not None:
            self.delays = created_delays(
                self._name, delays, project=self._project, parent=self, opts=self._opts
            )
        project = self._project
        self.console = self.subscription.name.apply(
            lambda subscription: (
                "https://console.cloud.google.com/cloudpubsub/subscription/detail/"
                f"{subscription}?project={project}"
            )
        )
        self.register_outputs({"topic": self.topic.id, "subscription": self.subscription.id})

    def _topic(
        self,
        role: str,
        topic_id: str,
        settings: PullQueueSettings,
        labels: Mapping[str, str],
        options: pulumi.ResourceOptions,
    ) -> pubsub.Topic:
        return pubsub.Topic(
            f"{self._name}-{role}",
            name=topic_id,
            project=self._project,
            labels=dict(labels),
            message_storage_policy={"allowed_persistence_regions": list(settings.regions)},
            opts=options,
        )

    def _keep(
        self,
        dead: DeadLetterPlan,
        topic: pubsub.Topic,
        settings: PullQueueSettings,
        labels: Mapping[str, str],
        options: pulumi.ResourceOptions,
    ) -> None:
        """Create the subscription that keeps dead letters, if they are kept."""
        if dead.subscription_id is None:
            return
        self.dead_letter_subscription = pubsub.Subscription(
            f"{self._name}-dead-letter-subscription",
            name=dead.subscription_id,
            project=self._project,
            topic=topic.id,
            labels=dict(labels),
            ack_deadline_seconds=round(settings.lease.total_seconds()),
            message_retention_duration=seconds(dead.keep),
            enable_message_ordering=settings.ordering,
            expiration_policy=NEVER,
            opts=options,
        )


NEVER: pubsub.SubscriptionExpirationPolicyArgsDict = {"ttl": ""}
"""https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions#expirationpolicy"""
