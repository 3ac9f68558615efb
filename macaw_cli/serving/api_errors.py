"""What the server tells a client that asked for something it cannot have: OpenAI's error object.

What a library says never reaches a client. Errors of macaw that may do so are written here in the client's terms.
"""

from typing import Any

RETRY_AFTER_S = 1
"""After which a client that was one too many may ask again: rows become free all the time."""


class ApiError(Exception):
    """A request that is refused.

    Args:
        message: what is wrong with it, as one sentence.
        param: the field of the request, such as `messages[0].content`; None where no single one is to blame.
        code: a word for programs.
        status: of HTTP.
    """

    def __init__(
        self, message: str, *, param: str | None = None, code: str | None = "invalid_value", status: int = 400
    ) -> None:
        super().__init__(message)
        self.message, self.param, self.code, self.status = message, param, code, status

    @property
    def kind(self) -> str:
        """OpenAI's `type`."""
        by_status = {401: "authentication_error", 403: "permission_error", 404: "not_found_error"}
        by_status |= {429: "rate_limit_error"}
        return by_status.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")

    @property
    def headers(self) -> dict[str, str]:
        """What HTTP says beside the body: how to log in, or when to come again."""
        by_status = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": str(RETRY_AFTER_S)}}
        return by_status.get(self.status, {})

    def as_json(self) -> dict[str, Any]:
        """The body of the response."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}


def internal_error() -> ApiError:
    """A bug of macaw: what happened stands in the server's log, and nothing of it here."""
    return ApiError("The server failed to answer. Its log says why.", code="internal_error", status=500)


def too_busy() -> ApiError:
    """Too many requests wait already."""
    return ApiError("Too many requests are waiting. Try again later.", code="server_overloaded", status=429)


def shutting_down() -> ApiError:
    """The server ends before the answer does."""
    return ApiError("The server is shutting down.", code="server_shutting_down", status=503)
