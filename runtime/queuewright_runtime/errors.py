"""What a worker raises, and what it is told."""


class PermanentError(Exception):
    """The task can never succeed: it is logged and not tried again."""


class NoSubscriptionError(LookupError):
    """The environment of this process does not name the queue's subscription."""
