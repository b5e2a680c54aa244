"""The message classes of v2beta3, as raw protobufs; `messages.py` has those of v2.

The enums of both versions have the same numbers, so numbers are copied unchanged.
"""

from __future__ import annotations

from google.cloud import tasks_v2beta3
from google.cloud.tasks_v2beta3.types import cloudtasks

AppEngineHttpQueue = tasks_v2beta3.AppEngineHttpQueue.pb()
BatchCreateTasksMetadata = cloudtasks.BatchCreateTasksMetadata.pb()
BatchCreateTasksRequest = cloudtasks.BatchCreateTasksRequest.pb()
BatchCreateTasksResponse = cloudtasks.BatchCreateTasksResponse.pb()
BatchDeleteTasksMetadata = cloudtasks.BatchDeleteTasksMetadata.pb()
BatchDeleteTasksRequest = cloudtasks.BatchDeleteTasksRequest.pb()
CmekConfig = tasks_v2beta3.CmekConfig.pb()
CreateQueueRequest = cloudtasks.CreateQueueRequest.pb()
CreateTaskRequest = cloudtasks.CreateTaskRequest.pb()
DeleteQueueRequest = cloudtasks.DeleteQueueRequest.pb()
DeleteTaskRequest = cloudtasks.DeleteTaskRequest.pb()
GetCmekConfigRequest = cloudtasks.GetCmekConfigRequest.pb()
GetQueueRequest = cloudtasks.GetQueueRequest.pb()
GetTaskRequest = cloudtasks.GetTaskRequest.pb()
ListQueuesRequest = cloudtasks.ListQueuesRequest.pb()
ListQueuesResponse = cloudtasks.ListQueuesResponse.pb()
ListTasksRequest = cloudtasks.ListTasksRequest.pb()
ListTasksResponse = cloudtasks.ListTasksResponse.pb()
PauseQueueRequest = cloudtasks.PauseQueueRequest.pb()
PullMessage = tasks_v2beta3.PullMessage.pb()
PurgeQueueRequest = cloudtasks.PurgeQueueRequest.pb()
Queue = tasks_v2beta3.Queue.pb()
QueueStats = tasks_v2beta3.QueueStats.pb()
ResumeQueueRequest = cloudtasks.ResumeQueueRequest.pb()
RunTaskRequest = cloudtasks.RunTaskRequest.pb()
Task = tasks_v2beta3.Task.pb()
UpdateCmekConfigRequest = cloudtasks.UpdateCmekConfigRequest.pb()
UpdateQueueRequest = cloudtasks.UpdateQueueRequest.pb()
