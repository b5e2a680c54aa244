"""Pub/Sub on this machine, as far as pull queues need it."""
