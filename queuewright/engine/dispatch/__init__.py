"""The running queues: dispatches, sends, retries and expires tasks."""
