"""The exceptions that a worker raises, and those that the library raises."""


class PermanentError(Exception):
    """The task can never succeed: it is logged and not tried again."""


class NoSubscriptionError(LookupError):
    """The environment of this process does not name the queue's subscription."""


class ApiError(Exception):
    """A call of an API of Google's, or of a local server, failed.

    Args:
        code: the canonical code, such as `ALREADY_EXISTS`; `UNAVAILABLE` if there was no answer.
        message: what the server says about it.
        http_status: the HTTP status; None if there was no answer.
        is_unsent: the request never left.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        http_status: int | None = None,
        is_unsent: bool = False,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.http_status = http_status
        self.is_unsent = is_unsent
