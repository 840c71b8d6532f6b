"""What can go wrong: one hierarchy, by category, each with a hint where there is something to do."""

from __future__ import annotations

import json
from typing import Optional


class SparkConnectError(Exception):
    """An operation failed. ``category`` says what kind of failure it is, ``hint`` what can be done."""

    category = "failed"

    def __init__(self, message: str, hint: Optional[str] = None) -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\nhint: {self.hint}"


class UnsupportedError(SparkConnectError, NotImplementedError):
    """This back end cannot do it; the hint names those that can."""

    category = "unsupported"


class InvalidInputError(SparkConnectError, ValueError):
    """What was asked for cannot be: a value is wrong or missing."""

    category = "invalid-input"


class NotFoundError(SparkConnectError, LookupError):
    """There is no such session, application, server or log."""

    category = "not-found"


class AlreadyExistsError(SparkConnectError):
    """The name is taken."""

    category = "already-exists"


class UnauthenticatedError(SparkConnectError):
    """It is not known who asks."""

    category = "unauthenticated"


class PermissionDeniedError(SparkConnectError, PermissionError):
    """Whoever asks may not do that."""

    category = "permission-denied"


class UnavailableError(SparkConnectError, ConnectionError):
    """The other side does not answer, or not now."""

    category = "unavailable"


class TimedOutError(SparkConnectError, TimeoutError):
    """It did not happen in the time given."""

    category = "timed-out"


class EndedError(SparkConnectError):
    """The session or application has ended, or failed, and so the operation cannot go on."""

    category = "ended"


class ProtocolError(SparkConnectError):
    """The other side answered something that this client does not understand."""

    category = "protocol"


_BY_CATEGORY = {
    kind.category: kind
    for kind in (
        UnsupportedError,
        InvalidInputError,
        NotFoundError,
        AlreadyExistsError,
        UnauthenticatedError,
        PermissionDeniedError,
        UnavailableError,
        TimedOutError,
        EndedError,
        ProtocolError,
    )
}


def from_failure(text: str) -> SparkConnectError:
    """The error that the native module tells as JSON."""
    failure = json.loads(text)
    kind = _BY_CATEGORY.get(failure["category"], SparkConnectError)
    return kind(failure["message"], failure["hint"])
