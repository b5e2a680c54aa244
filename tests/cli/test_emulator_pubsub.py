"""`queuewright emulator` with Pub/Sub, as a process of its own."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from tests.cli.emulator_process import Emulator, emulator, ended

PROJECT = "projects/p-of-mine"
TOPIC = f"{PROJECT}/topics/reports"
SUBSCRIPTION = f"{PROJECT}/subscriptions/reports"


class Clients:
    """Google's clients of an emulator."""

    def __init__(self, running: Emulator) -> None:
        (said,) = [line for line in running.before if "pubsub" in line]
        self.address: str = said["pubsub"]
        self.text: str = said["text"]
        self._channel = grpc.insecure_channel(self.address)
        self.publisher = PublisherClient(transport=PublisherGrpcTransport(channel=self._channel))
        self.subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=self._channel))

    def topics(self) -> list[str]:
        return [topic.name for topic in self.publisher.list_topics(project=PROJECT)]

    def subscriptions(self) -> dict[str, str]:
        found = self.subscriber.list_subscriptions(project=PROJECT)
        return {each.name: each.topic for each in found}

    def close(self) -> None:
        self._channel.close()


def test_it_is_off_unless_asked_for(tmp_path: Path) -> None:
    """Neither the port nor the file."""
    with emulator(tmp_path) as running:
        assert [line for line in running.before if "pubsub" in line] == []
    assert not (tmp_path / ".queuewright" / "pubsub.sqlite").exists()


def test_it_serves_the_topics_and_subscriptions_it_was_given(tmp_path: Path) -> None:
    """A subscription's topic is created, too; left out, it has the same id."""
    words = (
        *("--pubsub-port", "0", "--topic", f"{PROJECT}/topics/alone"),
        *("--subscription", SUBSCRIPTION),
        *("--subscription", f"{PROJECT}/subscriptions/audit:reports"),
        *("--subscription", f"{PROJECT}/subscriptions/other:projects/shared/topics/events"),
    )
    with emulator(tmp_path, "--memory", *words) as running:
        clients = Clients(running)
        assert clients.text == f"Pub/Sub: export PUBSUB_EMULATOR_HOST={clients.address}"
        assert clients.topics() == [f"{PROJECT}/topics/alone", TOPIC]
        assert clients.subscriptions() == {
            f"{PROJECT}/subscriptions/audit": TOPIC,
            f"{PROJECT}/subscriptions/other": "projects/shared/topics/events",
            SUBSCRIPTION: TOPIC,
        }
        clients.close()


def test_messages_survive_a_restart_and_what_exists_stays_as_it_is(tmp_path: Path) -> None:
    """In the folder of the queues."""
    words = ("--pubsub-port", "0", "--subscription", SUBSCRIPTION)
    with emulator(tmp_path, *words) as running:
        clients = Clients(running)
        clients.publisher.publish(topic=TOPIC, messages=[{"data": b"kept"}])
        clients.subscriber.update_subscription(
            request={
                "subscription": {"name": SUBSCRIPTION, "ack_deadline_seconds": 33},
                "update_mask": {"paths": ["ack_deadline_seconds"]},
            }
        )
        clients.close()
    with emulator(tmp_path, *words) as running:
        clients = Clients(running)
        kept = clients.subscriber.get_subscription(subscription=SUBSCRIPTION)
        assert kept.ack_deadline_seconds == 33
        pulled = clients.subscriber.pull(subscription=SUBSCRIPTION, max_messages=5)
        assert [each.message.data for each in pulled.received_messages] == [b"kept"]
        clients.close()


def test_a_port_in_use_is_an_error_with_its_own_option(tmp_path: Path) -> None:
    """As for the other ports."""
    with emulator(tmp_path, "--memory", "--pubsub-port", "0") as running:
        clients = Clients(running)
        clients.close()
        port = clients.address.rpartition(":")[2]
        done = ended(tmp_path, "--memory", "--pubsub-port", port)
        assert done.returncode == 1
        assert done.stderr == (
            f"error: port {port} on 127.0.0.1 cannot be used for Pub/Sub: "
            "address already in use\n"
            "  hint: stop the program that uses it, or choose another port with `--pubsub-port` "
            "(0 lets the system choose)\n"
        )


@pytest.mark.parametrize(
    ("words", "problem", "hint"),
    [
        (("--topic", "reports"), "--topic `reports`: Invalid resource name given (name=reports).",
         "such as `--topic projects/my-project/topics/reports`"),
        (("--subscription", "reports"),
         "--subscription `reports`: not the full name of a subscription",
         "such as `--subscription projects/my-project/subscriptions/reports:reports`"),
        (("--subscription", f"{SUBSCRIPTION}:x"),
         f"--subscription `{SUBSCRIPTION}:x`: topic `{PROJECT}/topics/x`: Invalid resource name",
         "such as `--subscription projects/my-project/subscriptions/reports:reports`"),
        (("--subscription", f"{PROJECT}/subscriptions/x:reports"),
         f"--subscription `{PROJECT}/subscriptions/x`: Invalid resource name given",
         "such as `--subscription projects/my-project/subscriptions/reports:reports`"),
    ],
)  # fmt: skip
def test_a_malformed_name_is_an_error_and_creates_nothing(
    tmp_path: Path, words: tuple[str, ...], problem: str, hint: str
) -> None:
    done = ended(tmp_path, "--topic", TOPIC, "--pubsub-port", "0", *words)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {problem}")
    assert done.stderr.endswith(f"\n  hint: {hint}\n")
    with emulator(tmp_path, "--pubsub-port", "0") as running:
        clients = Clients(running)
        assert clients.topics() == []
        clients.close()


def test_a_subscription_of_another_topic_is_an_error(tmp_path: Path) -> None:
    with emulator(tmp_path, "--pubsub-port", "0", "--subscription", SUBSCRIPTION):
        pass
    done = ended(tmp_path, "--pubsub-port", "0", "--subscription", f"{SUBSCRIPTION}:others")
    assert done.returncode == 1
    assert done.stderr == (
        f"error: --subscription `{SUBSCRIPTION}`: it exists, and its topic is `{TOPIC}`, "
        f"not `{PROJECT}/topics/others`\n"
        "  hint: delete it first, or start with another state folder or `--memory`\n"
    )


def test_without_googles_client_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an extra of the package."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['google.pubsub_v1'] = None\n", encoding="utf-8"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = ended(tmp_path, "--memory", "--pubsub-port", "0")
    assert done.returncode == 1
    assert done.stderr == (
        "error: Pub/Sub on this machine needs the package `google-cloud-pubsub`\n"
        "  hint: install it with `pip install 'queuewright[pubsub]'`\n"
    )
