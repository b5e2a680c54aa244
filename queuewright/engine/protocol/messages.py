"""The message classes of v2: the raw protobufs behind Google's client library.

The client wraps each of them in proto-plus, which is slow, so the engine uses the classes
underneath. They come from the library because the public `queue.proto` lags behind it
(`Queue.http_target`, `Task.retry_config`, the batch calls). Google's general messages (status,
operations, IAM, locations) are here too. `messages.pyi` has the types.
"""

from __future__ import annotations

from google.cloud import tasks_v2
from google.cloud.location import locations_pb2
from google.cloud.tasks_v2.types import cloudtasks
from google.iam.v1 import iam_policy_pb2, options_pb2, policy_pb2
from google.longrunning import operations_pb2
from google.rpc import error_details_pb2, status_pb2
from google.type import expr_pb2

AppEngineHttpRequest = tasks_v2.AppEngineHttpRequest.pb()
AppEngineRouting = tasks_v2.AppEngineRouting.pb()
Attempt = tasks_v2.Attempt.pb()
BatchCreateTasksMetadata = cloudtasks.BatchCreateTasksMetadata.pb()
BatchCreateTasksRequest = cloudtasks.BatchCreateTasksRequest.pb()
BatchCreateTasksResponse = cloudtasks.BatchCreateTasksResponse.pb()
BatchDeleteTasksMetadata = cloudtasks.BatchDeleteTasksMetadata.pb()
BatchDeleteTasksRequest = cloudtasks.BatchDeleteTasksRequest.pb()
CmekConfig = tasks_v2.CmekConfig.pb()
CreateQueueRequest = cloudtasks.CreateQueueRequest.pb()
CreateTaskRequest = cloudtasks.CreateTaskRequest.pb()
DeleteQueueRequest = cloudtasks.DeleteQueueRequest.pb()
DeleteTaskRequest = cloudtasks.DeleteTaskRequest.pb()
GetCmekConfigRequest = cloudtasks.GetCmekConfigRequest.pb()
GetQueueRequest = cloudtasks.GetQueueRequest.pb()
GetTaskRequest = cloudtasks.GetTaskRequest.pb()
HttpRequest = tasks_v2.HttpRequest.pb()
HttpTarget = tasks_v2.HttpTarget.pb()
ListQueuesRequest = cloudtasks.ListQueuesRequest.pb()
ListQueuesResponse = cloudtasks.ListQueuesResponse.pb()
ListTasksRequest = cloudtasks.ListTasksRequest.pb()
ListTasksResponse = cloudtasks.ListTasksResponse.pb()
OAuthToken = tasks_v2.OAuthToken.pb()
OidcToken = tasks_v2.OidcToken.pb()
PathOverride = tasks_v2.PathOverride.pb()
PauseQueueRequest = cloudtasks.PauseQueueRequest.pb()
PurgeQueueRequest = cloudtasks.PurgeQueueRequest.pb()
QueryOverride = tasks_v2.QueryOverride.pb()
Queue = tasks_v2.Queue.pb()
RateLimits = tasks_v2.RateLimits.pb()
ResumeQueueRequest = cloudtasks.ResumeQueueRequest.pb()
RetryConfig = tasks_v2.RetryConfig.pb()
RunTaskRequest = cloudtasks.RunTaskRequest.pb()
StackdriverLoggingConfig = tasks_v2.StackdriverLoggingConfig.pb()
Task = tasks_v2.Task.pb()
UpdateCmekConfigRequest = cloudtasks.UpdateCmekConfigRequest.pb()
UpdateQueueRequest = cloudtasks.UpdateQueueRequest.pb()
UriOverride = tasks_v2.UriOverride.pb()

Binding = policy_pb2.Binding
ErrorInfo = error_details_pb2.ErrorInfo
Expr = expr_pb2.Expr
GetIamPolicyRequest = iam_policy_pb2.GetIamPolicyRequest
GetLocationRequest = locations_pb2.GetLocationRequest
GetOperationRequest = operations_pb2.GetOperationRequest
GetPolicyOptions = options_pb2.GetPolicyOptions
Help = error_details_pb2.Help
ListLocationsRequest = locations_pb2.ListLocationsRequest
ListLocationsResponse = locations_pb2.ListLocationsResponse
Location = locations_pb2.Location
Operation = operations_pb2.Operation
Policy = policy_pb2.Policy
SetIamPolicyRequest = iam_policy_pb2.SetIamPolicyRequest
Status = status_pb2.Status
TestIamPermissionsRequest = iam_policy_pb2.TestIamPermissionsRequest
TestIamPermissionsResponse = iam_policy_pb2.TestIamPermissionsResponse
