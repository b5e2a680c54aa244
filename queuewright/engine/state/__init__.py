"""The state file: queues, tasks and tombstones in SQLite."""
