"""The exceptions that a worker raises, and those that the library raises."""


class PermanentError(Exception):
    """The task can never succeed: it is logged and not tried again."""


class NoSubscriptionError(LookupError):
    """The environment of this process does not name the queue's subscription."""
