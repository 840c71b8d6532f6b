"""Opens a native PySpark session, 3.5 to 4.3, on a connection: TLS with an authority of one's own, and calls counted on the way."""

from __future__ import annotations

import os
import sys
import threading
import time
import warnings
from typing import Any, Dict, List, Optional, Tuple

from .errors import InvalidInputError

_NEVER = 2**31 - 1
"""Milliseconds between pings that servers before 4.3 would end the connection for."""


class VersionSkewWarning(UserWarning):
    """PySpark's version is not the server's: some calls may be missing on either side."""


def open_session(opened: Dict[str, Any], counter: Counter) -> Any:
    """A PySpark session on what the native module opened."""
    try:
        import pyspark
        from pyspark.sql.connect.session import SparkSession
    except ImportError as error:
        raise InvalidInputError(
            f"PySpark with Spark Connect is not installed: {error}", "pip install 'sparkconnect[pyspark]'"
        ) from error
    server = opened["info"]["spark_version"]
    _tell_skew(pyspark.__version__, server)
    channel = _channel_builder(opened, counter, server)
    # By this PySpark's functions know that they are to make plans for Connect, as its own builder has it.
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    _forget_stopped(SparkSession)
    # PySpark 3.5 does not give its builder's type.
    builder: Any = SparkSession.builder
    return builder.channelBuilder(channel).create()


def _forget_stopped(kind: Any) -> None:
    """Makes room for the next active session of this thread: one that was stopped in another thread stays the active one, stopped."""
    active = getattr(kind._active_session, "session", None)
    if active is not None and active.is_stopped:
        kind._active_session.session = None


def _minor(version: str) -> Tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _tell_skew(client: str, server: Optional[str]) -> None:
    if server is None or _minor(client) == _minor(server):
        return
    if _minor(client) > _minor(server):
        order, what = "newer", "calls fail that the server does not know, on some servers as common ones as sql"
    else:
        order, what = "older", "what is new on the server is missing here"
    needed = "pyspark=={}.{}.*".format(*_minor(server))
    text = f"PySpark {client} is {order} than the server's Spark {server}: {what}. To be sure, pip install '{needed}'"
    warnings.warn(text, VersionSkewWarning, stacklevel=_users_level())


def _users_level() -> int:
    """Which frame of the stack, as :func:`warnings.warn` counts for its caller, is the first that is not this package's."""
    here, level, frame = os.path.dirname(__file__), 0, sys._getframe(1)
    while frame.f_back is not None and os.path.dirname(frame.f_code.co_filename) == here:
        level, frame = level + 1, frame.f_back
    return level + 1


def _channel_builder(opened: Dict[str, Any], counter: Counter, server: Optional[str]) -> Any:
    import grpc
    from pyspark.sql.connect.client import core

    base: Any = getattr(core, "DefaultChannelBuilder", None) or core.ChannelBuilder
    options: List[Tuple[str, Any]] = [
        ("grpc.max_send_message_length", opened["max_message_size"]),
        ("grpc.max_receive_message_length", opened["max_message_size"]),
    ]
    if opened["server_name"] is not None:
        options.append(("grpc.ssl_target_name_override", opened["server_name"]))
    # PySpark 4.3 pings; servers before 4.3 take that for an attack.
    if server is not None and not opened["tls"] and _minor(server) < (4, 3):
        options.append(("grpc.keepalive_time_ms", _NEVER))

    class Builder(base):  # type: ignore[misc]
        def toChannel(self) -> Any:
            effective = getattr(self, "_effective_channel_options", None)
            chosen = self._channel_options if effective is None else effective()
            if not opened["tls"]:
                channel = grpc.insecure_channel(self.endpoint, options=chosen)
            else:
                channel = grpc.secure_channel(self.endpoint, _credentials(opened), options=chosen)
            return grpc.intercept_channel(channel, counter.interceptor())

    return Builder(opened["url"], options)


def _credentials(opened: Dict[str, Any]) -> Any:
    import grpc

    ca = opened["ca"]
    credentials = grpc.ssl_channel_credentials(None if ca is None else ca.encode())
    if opened["token"] is None:
        return credentials
    token = grpc.access_token_call_credentials(opened["token"])
    return grpc.composite_channel_credentials(credentials, token)


class Counter:
    """What went through one session's channel."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: Dict[str, float] = {}
        self._executed = 0
        self._failed = 0
        self._seconds = 0.0

    def read(self) -> Dict[str, int]:
        """The numbers, by the names of SessionMetrics."""
        with self._lock:
            return {
                "queries_executed": self._executed,
                "active_queries": len(self._running),
                "failed_queries": self._failed,
                "execution_time_ms": round(self._seconds * 1000),
            }

    def begin(self, operation: str) -> None:
        """An operation is sent; one that is sent again is the same."""
        with self._lock:
            if operation not in self._running:
                self._executed += 1
                self._running[operation] = time.monotonic()

    def end(self, operation: str, failed: bool) -> None:
        """An operation has ended."""
        with self._lock:
            began = self._running.pop(operation, None)
            if began is not None:
                self._failed += failed
                self._seconds += time.monotonic() - began

    def interceptor(self) -> Any:
        """What sees the calls of a channel."""
        import grpc

        counter = self

        class Interceptor(grpc.UnaryStreamClientInterceptor, grpc.UnaryUnaryClientInterceptor):
            def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
                execute = client_call_details.method.endswith("/ExecutePlan")
                # PySpark before 4.0 names an operation only where it can be attached to again.
                operation = getattr(request, "operation_id", "") or f"{id(request)}"
                if execute:
                    counter.begin(operation)
                call = continuation(client_call_details, request)
                reattachable = execute and len(getattr(request, "request_options", ())) > 0

                def ended(call: Any) -> None:
                    counter._stream_ended(operation, call, reattachable or not execute)

                call.add_done_callback(ended)
                return call

            def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
                if client_call_details.method.endswith("/ReleaseExecute") and request.HasField("release_all"):
                    counter.end(request.operation_id, failed=False)
                return continuation(client_call_details, request)

        return Interceptor()

    def _stream_ended(self, operation: str, call: Any, reattachable: bool) -> None:
        import grpc

        code = call.code()
        if code == grpc.StatusCode.OK:
            # One that can be attached to again ends when it is released.
            if not reattachable:
                self.end(operation, failed=False)
        elif code not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
            # PySpark goes on after the first; the second is its own doing.
            self.end(operation, failed=True)
