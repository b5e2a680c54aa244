"""Types of the classes in `messages.py`: fields as in the descriptors; enums are numbers."""

from collections.abc import Iterable, Mapping

from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty as Empty
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.internal.containers import (
    RepeatedCompositeFieldContainer,
    RepeatedScalarFieldContainer,
    ScalarMap,
)
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

class AcknowledgeRequest(Message):
    subscription: str
    @property
    def ack_ids(self) -> RepeatedScalarFieldContainer[str]: ...
    def __init__(
        self,
        *,
        subscription: str | None = None,
        ack_ids: Iterable[str] | None = None,
    ) -> None: ...

class DeadLetterPolicy(Message):
    dead_letter_topic: str
    max_delivery_attempts: int
    def __init__(
        self,
        *,
        dead_letter_topic: str | None = None,
        max_delivery_attempts: int | None = None,
    ) -> None: ...

class DeleteSubscriptionRequest(Message):
    subscription: str
    def __init__(
        self,
        *,
        subscription: str | None = None,
    ) -> None: ...

class DeleteTopicRequest(Message):
    topic: str
    def __init__(
        self,
        *,
        topic: str | None = None,
    ) -> None: ...

class DetachSubscriptionRequest(Message):
    subscription: str
    def __init__(
        self,
        *,
        subscription: str | None = None,
    ) -> None: ...

class DetachSubscriptionResponse(Message):
    def __init__(self) -> None: ...

class ExpirationPolicy(Message):
    @property
    def ttl(self) -> Duration: ...
    def __init__(
        self,
        *,
        ttl: Duration | None = None,
    ) -> None: ...

class GetSubscriptionRequest(Message):
    subscription: str
    def __init__(
        self,
        *,
        subscription: str | None = None,
    ) -> None: ...

class GetTopicRequest(Message):
    topic: str
    def __init__(
        self,
        *,
        topic: str | None = None,
    ) -> None: ...

class ListSubscriptionsRequest(Message):
    project: str
    page_size: int
    page_token: str
    def __init__(
        self,
        *,
        project: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> None: ...

class ListSubscriptionsResponse(Message):
    @property
    def subscriptions(self) -> RepeatedCompositeFieldContainer[Subscription]: ...
    next_page_token: str
    def __init__(
        self,
        *,
        subscriptions: Iterable[Subscription] | None = None,
        next_page_token: str | None = None,
    ) -> None: ...

class ListTopicSubscriptionsRequest(Message):
    topic: str
    page_size: int
    page_token: str
    def __init__(
        self,
        *,
        topic: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> None: ...

class ListTopicSubscriptionsResponse(Message):
    @property
    def subscriptions(self) -> RepeatedScalarFieldContainer[str]: ...
    next_page_token: str
    def __init__(
        self,
        *,
        subscriptions: Iterable[str] | None = None,
        next_page_token: str | None = None,
    ) -> None: ...

class ListTopicsRequest(Message):
    project: str
    page_size: int
    page_token: str
    def __init__(
        self,
        *,
        project: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> None: ...

class ListTopicsResponse(Message):
    @property
    def topics(self) -> RepeatedCompositeFieldContainer[Topic]: ...
    next_page_token: str
    def __init__(
        self,
        *,
        topics: Iterable[Topic] | None = None,
        next_page_token: str | None = None,
    ) -> None: ...

class MessageStoragePolicy(Message):
    @property
    def allowed_persistence_regions(self) -> RepeatedScalarFieldContainer[str]: ...
    enforce_in_transit: bool
    def __init__(
        self,
        *,
        allowed_persistence_regions: Iterable[str] | None = None,
        enforce_in_transit: bool | None = None,
    ) -> None: ...

class ModifyAckDeadlineRequest(Message):
    subscription: str
    @property
    def ack_ids(self) -> RepeatedScalarFieldContainer[str]: ...
    ack_deadline_seconds: int
    def __init__(
        self,
        *,
        subscription: str | None = None,
        ack_ids: Iterable[str] | None = None,
        ack_deadline_seconds: int | None = None,
    ) -> None: ...

class PublishRequest(Message):
    topic: str
    @property
    def messages(self) -> RepeatedCompositeFieldContainer[PubsubMessage]: ...
    def __init__(
        self,
        *,
        topic: str | None = None,
        messages: Iterable[PubsubMessage] | None = None,
    ) -> None: ...

class PublishResponse(Message):
    @property
    def message_ids(self) -> RepeatedScalarFieldContainer[str]: ...
    def __init__(
        self,
        *,
        message_ids: Iterable[str] | None = None,
    ) -> None: ...

class PubsubMessage(Message):
    data: bytes
    @property
    def attributes(self) -> ScalarMap[str, str]: ...
    message_id: str
    @property
    def publish_time(self) -> Timestamp: ...
    ordering_key: str
    def __init__(
        self,
        *,
        data: bytes | None = None,
        attributes: Mapping[str, str] | None = None,
        message_id: str | None = None,
        publish_time: Timestamp | None = None,
        ordering_key: str | None = None,
    ) -> None: ...

class PullRequest(Message):
    subscription: str
    return_immediately: bool
    max_messages: int
    def __init__(
        self,
        *,
        subscription: str | None = None,
        return_immediately: bool | None = None,
        max_messages: int | None = None,
    ) -> None: ...

class PullResponse(Message):
    @property
    def received_messages(self) -> RepeatedCompositeFieldContainer[ReceivedMessage]: ...
    def __init__(
        self,
        *,
        received_messages: Iterable[ReceivedMessage] | None = None,
    ) -> None: ...

class ReceivedMessage(Message):
    ack_id: str
    @property
    def message(self) -> PubsubMessage: ...
    delivery_attempt: int
    def __init__(
        self,
        *,
        ack_id: str | None = None,
        message: PubsubMessage | None = None,
        delivery_attempt: int | None = None,
    ) -> None: ...

class RetryPolicy(Message):
    @property
    def minimum_backoff(self) -> Duration: ...
    @property
    def maximum_backoff(self) -> Duration: ...
    def __init__(
        self,
        *,
        minimum_backoff: Duration | None = None,
        maximum_backoff: Duration | None = None,
    ) -> None: ...

class SeekRequest(Message):
    subscription: str
    @property
    def time(self) -> Timestamp: ...
    snapshot: str
    def __init__(
        self,
        *,
        subscription: str | None = None,
        time: Timestamp | None = None,
        snapshot: str | None = None,
    ) -> None: ...

class SeekResponse(Message):
    def __init__(self) -> None: ...

class StreamingPullRequest(Message):
    subscription: str
    @property
    def ack_ids(self) -> RepeatedScalarFieldContainer[str]: ...
    @property
    def modify_deadline_seconds(self) -> RepeatedScalarFieldContainer[int]: ...
    @property
    def modify_deadline_ack_ids(self) -> RepeatedScalarFieldContainer[str]: ...
    stream_ack_deadline_seconds: int
    client_id: str
    max_outstanding_messages: int
    max_outstanding_bytes: int
    protocol_version: int
    def __init__(
        self,
        *,
        subscription: str | None = None,
        ack_ids: Iterable[str] | None = None,
        modify_deadline_seconds: Iterable[int] | None = None,
        modify_deadline_ack_ids: Iterable[str] | None = None,
        stream_ack_deadline_seconds: int | None = None,
        client_id: str | None = None,
        max_outstanding_messages: int | None = None,
        max_outstanding_bytes: int | None = None,
        protocol_version: int | None = None,
    ) -> None: ...

class StreamingPullResponse(Message):
    class AcknowledgeConfirmation(Message):
        @property
        def ack_ids(self) -> RepeatedScalarFieldContainer[str]: ...
        @property
        def invalid_ack_ids(self) -> RepeatedScalarFieldContainer[str]: ...
        @property
        def unordered_ack_ids(self) -> RepeatedScalarFieldContainer[str]: ...
        @property
        def temporary_failed_ack_ids(self) -> RepeatedScalarFieldContainer[str]: ...
        def __init__(
            self,
            *,
            ack_ids: Iterable[str] | None = None,
            invalid_ack_ids: Iterable[str] | None = None,
            unordered_ack_ids: Iterable[str] | None = None,
            temporary_failed_ack_ids: Iterable[str] | None = None,
        ) -> None: ...

    class ModifyAckDeadlineConfirmation(Message):
        @property
        def ack_ids(self) -> RepeatedScalarFieldContainer[str]: ...
        @property
        def invalid_ack_ids(self) -> RepeatedScalarFieldContainer[str]: ...
        @property
        def temporary_failed_ack_ids(self) -> RepeatedScalarFieldContainer[str]: ...
        def __init__(
            self,
            *,
            ack_ids: Iterable[str] | None = None,
            invalid_ack_ids: Iterable[str] | None = None,
            temporary_failed_ack_ids: Iterable[str] | None = None,
        ) -> None: ...

    class SubscriptionProperties(Message):
        exactly_once_delivery_enabled: bool
        message_ordering_enabled: bool
        def __init__(
            self,
            *,
            exactly_once_delivery_enabled: bool | None = None,
            message_ordering_enabled: bool | None = None,
        ) -> None: ...

    @property
    def received_messages(self) -> RepeatedCompositeFieldContainer[ReceivedMessage]: ...
    @property
    def acknowledge_confirmation(self) -> StreamingPullResponse.AcknowledgeConfirmation: ...
    @property
    def modify_ack_deadline_confirmation(
        self,
    ) -> StreamingPullResponse.ModifyAckDeadlineConfirmation: ...
    @property
    def subscription_properties(self) -> StreamingPullResponse.SubscriptionProperties: ...
    def __init__(
        self,
        *,
        received_messages: Iterable[ReceivedMessage] | None = None,
        acknowledge_confirmation: StreamingPullResponse.AcknowledgeConfirmation | None = None,
        modify_ack_deadline_confirmation: StreamingPullResponse.ModifyAckDeadlineConfirmation
        | None = None,
        subscription_properties: StreamingPullResponse.SubscriptionProperties | None = None,
    ) -> None: ...

class Subscription(Message):
    class AnalyticsHubSubscriptionInfo(Message):
        listing: str
        subscription: str
        def __init__(
            self,
            *,
            listing: str | None = None,
            subscription: str | None = None,
        ) -> None: ...

    name: str
    topic: str
    @property
    def push_config(self) -> Message: ...
    @property
    def bigquery_config(self) -> Message: ...
    @property
    def cloud_storage_config(self) -> Message: ...
    @property
    def bigtable_config(self) -> Message: ...
    ack_deadline_seconds: int
    retain_acked_messages: bool
    @property
    def message_retention_duration(self) -> Duration: ...
    @property
    def labels(self) -> ScalarMap[str, str]: ...
    enable_message_ordering: bool
    @property
    def expiration_policy(self) -> ExpirationPolicy: ...
    filter: str
    @property
    def dead_letter_policy(self) -> DeadLetterPolicy: ...
    @property
    def retry_policy(self) -> RetryPolicy: ...
    detached: bool
    enable_exactly_once_delivery: bool
    @property
    def topic_message_retention_duration(self) -> Duration: ...
    state: int
    @property
    def analytics_hub_subscription_info(self) -> Subscription.AnalyticsHubSubscriptionInfo: ...
    @property
    def message_transforms(self) -> RepeatedCompositeFieldContainer[Message]: ...
    @property
    def tags(self) -> ScalarMap[str, str]: ...
    def __init__(
        self,
        *,
        name: str | None = None,
        topic: str | None = None,
        push_config: Message | None = None,
        bigquery_config: Message | None = None,
        cloud_storage_config: Message | None = None,
        bigtable_config: Message | None = None,
        ack_deadline_seconds: int | None = None,
        retain_acked_messages: bool | None = None,
        message_retention_duration: Duration | None = None,
        labels: Mapping[str, str] | None = None,
        enable_message_ordering: bool | None = None,
        expiration_policy: ExpirationPolicy | None = None,
        filter: str | None = None,
        dead_letter_policy: DeadLetterPolicy | None = None,
        retry_policy: RetryPolicy | None = None,
        detached: bool | None = None,
        enable_exactly_once_delivery: bool | None = None,
        topic_message_retention_duration: Duration | None = None,
        state: int | None = None,
        analytics_hub_subscription_info: Subscription.AnalyticsHubSubscriptionInfo | None = None,
        message_transforms: Iterable[Message] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None: ...

class Topic(Message):
    name: str
    @property
    def labels(self) -> ScalarMap[str, str]: ...
    @property
    def message_storage_policy(self) -> MessageStoragePolicy: ...
    kms_key_name: str
    @property
    def schema_settings(self) -> Message: ...
    satisfies_pzs: bool
    @property
    def message_retention_duration(self) -> Duration: ...
    state: int
    @property
    def ingestion_data_source_settings(self) -> Message: ...
    @property
    def message_transforms(self) -> RepeatedCompositeFieldContainer[Message]: ...
    @property
    def tags(self) -> ScalarMap[str, str]: ...
    def __init__(
        self,
        *,
        name: str | None = None,
        labels: Mapping[str, str] | None = None,
        message_storage_policy: Message | None = None,
        kms_key_name: str | None = None,
        schema_settings: Message | None = None,
        satisfies_pzs: bool | None = None,
        message_retention_duration: Duration | None = None,
        state: int | None = None,
        ingestion_data_source_settings: Message | None = None,
        message_transforms: Iterable[Message] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None: ...

class UpdateSubscriptionRequest(Message):
    @property
    def subscription(self) -> Subscription: ...
    @property
    def update_mask(self) -> FieldMask: ...
    def __init__(
        self,
        *,
        subscription: Subscription | None = None,
        update_mask: FieldMask | None = None,
    ) -> None: ...

class UpdateTopicRequest(Message):
    @property
    def topic(self) -> Topic: ...
    @property
    def update_mask(self) -> FieldMask: ...
    def __init__(
        self,
        *,
        topic: Topic | None = None,
        update_mask: FieldMask | None = None,
    ) -> None: ...
