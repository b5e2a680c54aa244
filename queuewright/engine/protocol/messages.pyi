"""Types of the classes in `messages.py`: fields as in the descriptors; enums are numbers."""

from collections.abc import Iterable, Mapping

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.internal.containers import (
    MessageMap,
    RepeatedCompositeFieldContainer,
    RepeatedScalarFieldContainer,
    ScalarMap,
)
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

class AppEngineHttpRequest(Message):
    http_method: int
    @property
    def app_engine_routing(self) -> AppEngineRouting: ...
    relative_uri: str
    @property
    def headers(self) -> ScalarMap[str, str]: ...
    body: bytes
    def __init__(
        self,
        *,
        http_method: int | None = None,
        app_engine_routing: AppEngineRouting | None = None,
        relative_uri: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> None: ...

class AppEngineRouting(Message):
    service: str
    version: str
    instance: str
    host: str
    def __init__(
        self,
        *,
        service: str | None = None,
        version: str | None = None,
        instance: str | None = None,
        host: str | None = None,
    ) -> None: ...

class Attempt(Message):
    @property
    def schedule_time(self) -> Timestamp: ...
    @property
    def dispatch_time(self) -> Timestamp: ...
    @property
    def response_time(self) -> Timestamp: ...
    @property
    def response_status(self) -> Status: ...
    def __init__(
        self,
        *,
        schedule_time: Timestamp | None = None,
        dispatch_time: Timestamp | None = None,
        response_time: Timestamp | None = None,
        response_status: Status | None = None,
    ) -> None: ...

class BatchCreateTasksMetadata(Message):
    @property
    def start_time(self) -> Timestamp: ...
    @property
    def end_time(self) -> Timestamp: ...
    state: int
    @property
    def failed_requests(self) -> MessageMap[int, Status]: ...
    def __init__(
        self,
        *,
        start_time: Timestamp | None = None,
        end_time: Timestamp | None = None,
        state: int | None = None,
        failed_requests: Mapping[int, Status] | None = None,
    ) -> None: ...

class BatchCreateTasksRequest(Message):
    parent: str
    @property
    def requests(self) -> RepeatedCompositeFieldContainer[CreateTaskRequest]: ...
    request_id: str
    def __init__(
        self,
        *,
        parent: str | None = None,
        requests: Iterable[CreateTaskRequest] | None = None,
        request_id: str | None = None,
    ) -> None: ...

class BatchCreateTasksResponse(Message):
    @property
    def tasks(self) -> RepeatedCompositeFieldContainer[Task]: ...
    def __init__(
        self,
        *,
        tasks: Iterable[Task] | None = None,
    ) -> None: ...

class BatchDeleteTasksMetadata(Message):
    @property
    def start_time(self) -> Timestamp: ...
    @property
    def end_time(self) -> Timestamp: ...
    state: int
    @property
    def failed_requests(self) -> MessageMap[int, Status]: ...
    def __init__(
        self,
        *,
        start_time: Timestamp | None = None,
        end_time: Timestamp | None = None,
        state: int | None = None,
        failed_requests: Mapping[int, Status] | None = None,
    ) -> None: ...

class BatchDeleteTasksRequest(Message):
    parent: str
    @property
    def names(self) -> RepeatedScalarFieldContainer[str]: ...
    request_id: str
    def __init__(
        self,
        *,
        parent: str | None = None,
        names: Iterable[str] | None = None,
        request_id: str | None = None,
    ) -> None: ...

class Binding(Message):
    role: str
    @property
    def members(self) -> RepeatedScalarFieldContainer[str]: ...
    @property
    def condition(self) -> Expr: ...
    def __init__(
        self,
        *,
        role: str | None = None,
        members: Iterable[str] | None = None,
        condition: Expr | None = None,
    ) -> None: ...

class CmekConfig(Message):
    name: str
    kms_key: str
    def __init__(
        self,
        *,
        name: str | None = None,
        kms_key: str | None = None,
    ) -> None: ...

class CreateQueueRequest(Message):
    parent: str
    @property
    def queue(self) -> Queue: ...
    def __init__(
        self,
        *,
        parent: str | None = None,
        queue: Queue | None = None,
    ) -> None: ...

class CreateTaskRequest(Message):
    parent: str
    @property
    def task(self) -> Task: ...
    response_view: int
    def __init__(
        self,
        *,
        parent: str | None = None,
        task: Task | None = None,
        response_view: int | None = None,
    ) -> None: ...

class DeleteQueueRequest(Message):
    name: str
    def __init__(
        self,
        *,
        name: str | None = None,
    ) -> None: ...

class DeleteTaskRequest(Message):
    name: str
    def __init__(
        self,
        *,
        name: str | None = None,
    ) -> None: ...

class ErrorInfo(Message):
    reason: str
    domain: str
    @property
    def metadata(self) -> ScalarMap[str, str]: ...
    def __init__(
        self,
        *,
        reason: str | None = None,
        domain: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None: ...

class Expr(Message):
    expression: str
    title: str
    description: str
    location: str
    def __init__(
        self,
        *,
        expression: str | None = None,
        title: str | None = None,
        description: str | None = None,
        location: str | None = None,
    ) -> None: ...

class GetCmekConfigRequest(Message):
    name: str
    def __init__(
        self,
        *,
        name: str | None = None,
    ) -> None: ...

class GetIamPolicyRequest(Message):
    resource: str
    @property
    def options(self) -> GetPolicyOptions: ...
    def __init__(
        self,
        *,
        resource: str | None = None,
        options: GetPolicyOptions | None = None,
    ) -> None: ...

class GetLocationRequest(Message):
    name: str
    def __init__(
        self,
        *,
        name: str | None = None,
    ) -> None: ...

class GetOperationRequest(Message):
    name: str
    def __init__(
        self,
        *,
        name: str | None = None,
    ) -> None: ...

class GetPolicyOptions(Message):
    requested_policy_version: int
    def __init__(
        self,
        *,
        requested_policy_version: int | None = None,
    ) -> None: ...

class GetQueueRequest(Message):
    name: str
    def __init__(
        self,
        *,
        name: str | None = None,
    ) -> None: ...

class GetTaskRequest(Message):
    name: str
    response_view: int
    def __init__(
        self,
        *,
        name: str | None = None,
        response_view: int | None = None,
    ) -> None: ...

class Help(Message):
    class Link(Message):
        description: str
        url: str
        def __init__(
            self,
            *,
            description: str | None = None,
            url: str | None = None,
        ) -> None: ...

    @property
    def links(self) -> RepeatedCompositeFieldContainer[Help.Link]: ...
    def __init__(
        self,
        *,
        links: Iterable[Help.Link] | None = None,
    ) -> None: ...

class HttpRequest(Message):
    url: str
    http_method: int
    @property
    def headers(self) -> ScalarMap[str, str]: ...
    body: bytes
    @property
    def oauth_token(self) -> OAuthToken: ...
    @property
    def oidc_token(self) -> OidcToken: ...
    def __init__(
        self,
        *,
        url: str | None = None,
        http_method: int | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        oauth_token: OAuthToken | None = None,
        oidc_token: OidcToken | None = None,
    ) -> None: ...

class HttpTarget(Message):
    class Header(Message):
        key: str
        value: str
        def __init__(
            self,
            *,
            key: str | None = None,
            value: str | None = None,
        ) -> None: ...

    class HeaderOverride(Message):
        @property
        def header(self) -> HttpTarget.Header: ...
        def __init__(
            self,
            *,
            header: HttpTarget.Header | None = None,
        ) -> None: ...

    @property
    def uri_override(self) -> UriOverride: ...
    http_method: int
    @property
    def header_overrides(self) -> RepeatedCompositeFieldContainer[HttpTarget.HeaderOverride]: ...
    @property
    def oauth_token(self) -> OAuthToken: ...
    @property
    def oidc_token(self) -> OidcToken: ...
    def __init__(
        self,
        *,
        uri_override: UriOverride | None = None,
        http_method: int | None = None,
        header_overrides: Iterable[HttpTarget.HeaderOverride] | None = None,
        oauth_token: OAuthToken | None = None,
        oidc_token: OidcToken | None = None,
    ) -> None: ...

class ListLocationsRequest(Message):
    name: str
    filter: str
    page_size: int
    page_token: str
    def __init__(
        self,
        *,
        name: str | None = None,
        filter: str | None = None,  # noqa: A002
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> None: ...

class ListLocationsResponse(Message):
    @property
    def locations(self) -> RepeatedCompositeFieldContainer[Location]: ...
    next_page_token: str
    def __init__(
        self,
        *,
        locations: Iterable[Location] | None = None,
        next_page_token: str | None = None,
    ) -> None: ...

class ListQueuesRequest(Message):
    parent: str
    filter: str
    page_size: int
    page_token: str
    def __init__(
        self,
        *,
        parent: str | None = None,
        filter: str | None = None,  # noqa: A002
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> None: ...

class ListQueuesResponse(Message):
    @property
    def queues(self) -> RepeatedCompositeFieldContainer[Queue]: ...
    next_page_token: str
    def __init__(
        self,
        *,
        queues: Iterable[Queue] | None = None,
        next_page_token: str | None = None,
    ) -> None: ...

class ListTasksRequest(Message):
    parent: str
    response_view: int
    page_size: int
    page_token: str
    def __init__(
        self,
        *,
        parent: str | None = None,
        response_view: int | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> None: ...

class ListTasksResponse(Message):
    @property
    def tasks(self) -> RepeatedCompositeFieldContainer[Task]: ...
    next_page_token: str
    def __init__(
        self,
        *,
        tasks: Iterable[Task] | None = None,
        next_page_token: str | None = None,
    ) -> None: ...

class Location(Message):
    name: str
    location_id: str
    display_name: str
    @property
    def labels(self) -> ScalarMap[str, str]: ...
    @property
    def metadata(self) -> Any: ...
    def __init__(
        self,
        *,
        name: str | None = None,
        location_id: str | None = None,
        display_name: str | None = None,
        labels: Mapping[str, str] | None = None,
        metadata: Any | None = None,
    ) -> None: ...

class OAuthToken(Message):
    service_account_email: str
    scope: str
    def __init__(
        self,
        *,
        service_account_email: str | None = None,
        scope: str | None = None,
    ) -> None: ...

class OidcToken(Message):
    service_account_email: str
    audience: str
    def __init__(
        self,
        *,
        service_account_email: str | None = None,
        audience: str | None = None,
    ) -> None: ...

class Operation(Message):
    name: str
    @property
    def metadata(self) -> Any: ...
    done: bool
    @property
    def error(self) -> Status: ...
    @property
    def response(self) -> Any: ...
    def __init__(
        self,
        *,
        name: str | None = None,
        metadata: Any | None = None,
        done: bool | None = None,
        error: Status | None = None,
        response: Any | None = None,
    ) -> None: ...

class PathOverride(Message):
    path: str
    def __init__(
        self,
        *,
        path: str | None = None,
    ) -> None: ...

class PauseQueueRequest(Message):
    name: str
    def __init__(
        self,
        *,
        name: str | None = None,
    ) -> None: ...

class Policy(Message):
    version: int
    @property
    def bindings(self) -> RepeatedCompositeFieldContainer[Binding]: ...
    @property
    def audit_configs(self) -> RepeatedCompositeFieldContainer[Message]: ...
    etag: bytes
    def __init__(
        self,
        *,
        version: int | None = None,
        bindings: Iterable[Binding] | None = None,
        audit_configs: Iterable[Message] | None = None,
        etag: bytes | None = None,
    ) -> None: ...

class PurgeQueueRequest(Message):
    name: str
    def __init__(
        self,
        *,
        name: str | None = None,
    ) -> None: ...

class QueryOverride(Message):
    query_params: str
    def __init__(
        self,
        *,
        query_params: str | None = None,
    ) -> None: ...

class Queue(Message):
    name: str
    @property
    def app_engine_routing_override(self) -> AppEngineRouting: ...
    @property
    def http_target(self) -> HttpTarget: ...
    @property
    def rate_limits(self) -> RateLimits: ...
    @property
    def retry_config(self) -> RetryConfig: ...
    state: int
    @property
    def purge_time(self) -> Timestamp: ...
    @property
    def stackdriver_logging_config(self) -> StackdriverLoggingConfig: ...
    def __init__(
        self,
        *,
        name: str | None = None,
        app_engine_routing_override: AppEngineRouting | None = None,
        http_target: HttpTarget | None = None,
        rate_limits: RateLimits | None = None,
        retry_config: RetryConfig | None = None,
        state: int | None = None,
        purge_time: Timestamp | None = None,
        stackdriver_logging_config: StackdriverLoggingConfig | None = None,
    ) -> None: ...

class RateLimits(Message):
    max_dispatches_per_second: float
    max_burst_size: int
    max_concurrent_dispatches: int
    def __init__(
        self,
        *,
        max_dispatches_per_second: float | None = None,
        max_burst_size: int | None = None,
        max_concurrent_dispatches: int | None = None,
    ) -> None: ...

class ResumeQueueRequest(Message):
    name: str
    def __init__(
        self,
        *,
        name: str | None = None,
    ) -> None: ...

class RetryConfig(Message):
    max_attempts: int
    @property
    def max_retry_duration(self) -> Duration: ...
    @property
    def min_backoff(self) -> Duration: ...
    @property
    def max_backoff(self) -> Duration: ...
    max_doublings: int
    def __init__(
        self,
        *,
        max_attempts: int | None = None,
        max_retry_duration: Duration | None = None,
        min_backoff: Duration | None = None,
        max_backoff: Duration | None = None,
        max_doublings: int | None = None,
    ) -> None: ...

class RunTaskRequest(Message):
    name: str
    response_view: int
    def __init__(
        self,
        *,
        name: str | None = None,
        response_view: int | None = None,
    ) -> None: ...

class SetIamPolicyRequest(Message):
    resource: str
    @property
    def policy(self) -> Policy: ...
    @property
    def update_mask(self) -> FieldMask: ...
    def __init__(
        self,
        *,
        resource: str | None = None,
        policy: Policy | None = None,
        update_mask: FieldMask | None = None,
    ) -> None: ...

class StackdriverLoggingConfig(Message):
    sampling_ratio: float
    def __init__(
        self,
        *,
        sampling_ratio: float | None = None,
    ) -> None: ...

class Status(Message):
    code: int
    message: str
    @property
    def details(self) -> RepeatedCompositeFieldContainer[Any]: ...
    def __init__(
        self,
        *,
        code: int | None = None,
        message: str | None = None,
        details: Iterable[Any] | None = None,
    ) -> None: ...

class Task(Message):
    name: str
    @property
    def app_engine_http_request(self) -> AppEngineHttpRequest: ...
    @property
    def http_request(self) -> HttpRequest: ...
    @property
    def schedule_time(self) -> Timestamp: ...
    @property
    def create_time(self) -> Timestamp: ...
    @property
    def dispatch_deadline(self) -> Duration: ...
    dispatch_count: int
    response_count: int
    @property
    def first_attempt(self) -> Attempt: ...
    @property
    def last_attempt(self) -> Attempt: ...
    view: int
    @property
    def retry_config(self) -> RetryConfig: ...
    def __init__(
        self,
        *,
        name: str | None = None,
        app_engine_http_request: AppEngineHttpRequest | None = None,
        http_request: HttpRequest | None = None,
        schedule_time: Timestamp | None = None,
        create_time: Timestamp | None = None,
        dispatch_deadline: Duration | None = None,
        dispatch_count: int | None = None,
        response_count: int | None = None,
        first_attempt: Attempt | None = None,
        last_attempt: Attempt | None = None,
        view: int | None = None,
        retry_config: RetryConfig | None = None,
    ) -> None: ...

class TestIamPermissionsRequest(Message):
    resource: str
    @property
    def permissions(self) -> RepeatedScalarFieldContainer[str]: ...
    def __init__(
        self,
        *,
        resource: str | None = None,
        permissions: Iterable[str] | None = None,
    ) -> None: ...

class TestIamPermissionsResponse(Message):
    @property
    def permissions(self) -> RepeatedScalarFieldContainer[str]: ...
    def __init__(
        self,
        *,
        permissions: Iterable[str] | None = None,
    ) -> None: ...

class UpdateCmekConfigRequest(Message):
    @property
    def cmek_config(self) -> CmekConfig: ...
    @property
    def update_mask(self) -> FieldMask: ...
    def __init__(
        self,
        *,
        cmek_config: CmekConfig | None = None,
        update_mask: FieldMask | None = None,
    ) -> None: ...

class UpdateQueueRequest(Message):
    @property
    def queue(self) -> Queue: ...
    @property
    def update_mask(self) -> FieldMask: ...
    def __init__(
        self,
        *,
        queue: Queue | None = None,
        update_mask: FieldMask | None = None,
    ) -> None: ...

class UriOverride(Message):
    scheme: int
    host: str
    port: int
    @property
    def path_override(self) -> PathOverride: ...
    @property
    def query_override(self) -> QueryOverride: ...
    uri_override_enforce_mode: int
    def __init__(
        self,
        *,
        scheme: int | None = None,
        host: str | None = None,
        port: int | None = None,
        path_override: PathOverride | None = None,
        query_override: QueryOverride | None = None,
        uri_override_enforce_mode: int | None = None,
    ) -> None: ...
