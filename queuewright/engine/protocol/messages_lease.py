"""The message classes of v2beta2, as raw protobufs; `messages.py` has those of v2.

The enums of both versions have the same numbers, so numbers are copied unchanged.
"""

from __future__ import annotations

from google.cloud.tasks_v2beta2.types import cloudtasks, queue, target, task

AcknowledgeTaskRequest = cloudtasks.AcknowledgeTaskRequest.pb()
AppEngineHttpTarget = target.AppEngineHttpTarget.pb()
CancelLeaseRequest = cloudtasks.CancelLeaseRequest.pb()
CreateQueueRequest = cloudtasks.CreateQueueRequest.pb()
CreateTaskRequest = cloudtasks.CreateTaskRequest.pb()
DeleteQueueRequest = cloudtasks.DeleteQueueRequest.pb()
DeleteTaskRequest = cloudtasks.DeleteTaskRequest.pb()
GetQueueRequest = cloudtasks.GetQueueRequest.pb()
GetTaskRequest = cloudtasks.GetTaskRequest.pb()
LeaseTasksRequest = cloudtasks.LeaseTasksRequest.pb()
LeaseTasksResponse = cloudtasks.LeaseTasksResponse.pb()
ListQueuesRequest = cloudtasks.ListQueuesRequest.pb()
ListQueuesResponse = cloudtasks.ListQueuesResponse.pb()
ListTasksRequest = cloudtasks.ListTasksRequest.pb()
ListTasksResponse = cloudtasks.ListTasksResponse.pb()
PauseQueueRequest = cloudtasks.PauseQueueRequest.pb()
PullMessage = target.PullMessage.pb()
PullTarget = target.PullTarget.pb()
PurgeQueueRequest = cloudtasks.PurgeQueueRequest.pb()
Queue = queue.Queue.pb()
RateLimits = queue.RateLimits.pb()
RenewLeaseRequest = cloudtasks.RenewLeaseRequest.pb()
ResumeQueueRequest = cloudtasks.ResumeQueueRequest.pb()
RetryConfig = queue.RetryConfig.pb()
RunTaskRequest = cloudtasks.RunTaskRequest.pb()
Task = task.Task.pb()
TaskStatus = task.TaskStatus.pb()
UpdateQueueRequest = cloudtasks.UpdateQueueRequest.pb()
UploadQueueYamlRequest = cloudtasks.UploadQueueYamlRequest.pb()
