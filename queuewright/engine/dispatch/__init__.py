"""The running queues: dispatching, sending, retrying and expiring tasks."""
