"""What there is to tell of sessions and applications. A field is ``None`` where nobody knows it."""

from __future__ import annotations

import html
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import Enum
from typing import Any, Dict, Iterable, List, Optional, Tuple


class SessionState(str, Enum):
    """The state of a session."""

    PENDING = "pending"
    READY = "ready"
    CLOSED = "closed"
    EXPIRED = "expired"
    LOST = "lost"
    FAILED = "failed"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return self.value


class ApplicationState(str, Enum):
    """The state of an application."""

    SUBMITTED = "submitted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUSPENDED = "suspended"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return self.value

    @property
    def is_final(self) -> bool:
        """Whether nothing follows."""
        return self in (
            ApplicationState.SUCCEEDED,
            ApplicationState.FAILED,
            ApplicationState.CANCELLED,
        )


@dataclass(frozen=True)
class SessionInfo:
    """A session."""

    session_id: Optional[str]
    name: Optional[str]
    namespace: Optional[str]
    app_name: Optional[str]
    user: Optional[str]
    server: Optional[str]
    state: SessionState
    peer_state: Optional[str]
    message: Optional[str]
    spark_version: Optional[str]
    url: Optional[str]
    ui_url: Optional[str]
    start_time: Optional[datetime]
    last_activity_time: Optional[datetime]
    end_time: Optional[datetime]

    @classmethod
    def _of(cls, told: Dict[str, Any]) -> SessionInfo:
        times = {name: _time(told[name]) for name in _SESSION_TIMES}
        shaped: Dict[str, Any] = {**told, **times, "state": SessionState(told["state"])}
        return cls(**shaped)

    @classmethod
    def _all_of(cls, told: List[Dict[str, Any]]) -> List[SessionInfo]:
        return [cls._of(one) for one in told]

    def _repr_html_(self) -> str:
        return table(_rows(self))


@dataclass(frozen=True)
class SessionMetrics:
    """What a session has done. ``sources`` says who counted a number: ``status`` and ``server`` count whoever used the session,
    ``client`` only what went through this client."""

    session_id: str
    queries_executed: Optional[int] = None
    active_queries: Optional[int] = None
    failed_queries: Optional[int] = None
    artifacts_uploaded: Optional[int] = None
    data_read_bytes: Optional[int] = None
    data_written_bytes: Optional[int] = None
    execution_time_ms: Optional[int] = None
    sources: Dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def _of(cls, session_id: str, told: Dict[str, Optional[Dict[str, Any]]]) -> SessionMetrics:
        known = {name: counted for name, counted in told.items() if counted is not None}
        return cls(
            session_id=session_id,
            sources={name: counted["source"] for name, counted in known.items()},
            **{name: counted["value"] for name, counted in known.items()},
        )

    def _repr_html_(self) -> str:
        return table(_rows(self))


@dataclass(frozen=True)
class Application:
    """A batch job."""

    id: str
    name: Optional[str]
    namespace: Optional[str]
    state: ApplicationState
    peer_state: Optional[str]
    message: Optional[str]
    spark_application_id: Optional[str]
    ui_url: Optional[str]
    submitted: Optional[datetime]
    ended: Optional[datetime]
    executors: Optional[int]

    @property
    def submission_id(self) -> str:
        """What it is asked for by: :attr:`id`."""
        return self.id

    @classmethod
    def _of(cls, told: Dict[str, Any]) -> Application:
        times = {name: _time(told[name]) for name in ("submitted", "ended")}
        shaped: Dict[str, Any] = {**told, **times, "state": ApplicationState(told["state"])}
        return cls(**shaped)

    @classmethod
    def _all_of(cls, told: List[Dict[str, Any]]) -> List[Application]:
        return [cls._of(one) for one in told]

    def _repr_html_(self) -> str:
        return table(_rows(self))


@dataclass(frozen=True)
class Progress:
    """One thing that happened while something was waited for."""

    subject: str
    state: str
    message: str


_SESSION_TIMES = ("start_time", "last_activity_time", "end_time")


def _time(text: Optional[str]) -> Optional[datetime]:
    if text is None:
        return None
    whole, _, rest = text.rstrip("Z").partition(".")
    # Python before 3.11 reads microseconds only, and no Z.
    fraction = f".{rest[:6]:0<6}" if rest else ""
    return datetime.fromisoformat(f"{whole}{fraction}+00:00")


def _rows(told: Any) -> List[Tuple[str, str]]:
    values = ((entry.name, getattr(told, entry.name)) for entry in fields(told))
    return [
        (name.replace("_", " "), str(value))
        for name, value in values
        if value is not None and name != "sources"
    ]


def table(rows: Iterable[Tuple[str, str]]) -> str:
    """Rows as HTML; what looks like a web address is a link."""
    body = "".join(f"<tr><th>{html.escape(name)}</th><td>{_cell(value)}</td></tr>" for name, value in rows)
    return f"<table>{body}</table>"


def _cell(value: str) -> str:
    text = html.escape(value)
    if value.startswith(("http://", "https://")):
        return f'<a href="{text}">{text}</a>'
    return text
