"""The pull queues of an environment: Pub/Sub, what it has to have, and who may do what there."""
