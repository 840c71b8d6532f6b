"""A native PySpark session with what this client adds: its state, its metrics, its end."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple, Type

from ._pyspark import Counter, open_session
from .errors import InvalidInputError
from .models import SessionInfo, SessionMetrics, table

if TYPE_CHECKING:
    from .client import SparkClient

_PREFIX = {".py": "pyfiles", ".egg": "pyfiles", ".jar": "jars", ".zip": "archives", ".tgz": "archives", ".gz": "archives"}


class ManagedSparkSession:
    """A session. Whatever it does not define itself is PySpark's: ``session.sql``, ``session.read``, ``session.createDataFrame`` and all
    else go straight to the native session, which is :attr:`native`. ``isinstance`` takes it for PySpark's Connect session.

    Closing it ends the session on its server if this client made it; a session that was opened is only let go. It closes by itself at the
    end of a ``with`` block and of the interpreter.
    """

    def __init__(self, client: SparkClient, opened: Dict[str, Any], made: bool) -> None:
        self._client = client
        self._made = made
        self._info = SessionInfo._of(opened["info"])
        self._counter = Counter()
        self._uploaded = 0
        self._closing = threading.Lock()
        self._closed = False
        self._native = open_session(opened, self._counter)

    @property
    def native(self) -> Any:
        """PySpark's own session."""
        return self._native

    @property
    def session_id(self) -> str:
        """The session's id on its server, a UUID."""
        assert self._info.session_id is not None
        return self._info.session_id

    @property
    def name(self) -> Optional[str]:
        """Name of its resource, where it has one."""
        return self._info.name

    @property
    def app_name(self) -> Optional[str]:
        """Its application's name."""
        return self._info.app_name

    @property
    def is_closed(self) -> bool:
        """Whether it was closed here."""
        return self._closed

    def get_info(self) -> SessionInfo:
        """What there is to tell of it now."""
        return self._client.get_session_status(self._key)

    def get_metrics(self) -> SessionMetrics:
        """What it has done. What nobody counts on the server's side is counted here, for what went through this object."""
        return self._client._metrics(self)

    def upload_artifacts(self, *paths: str) -> None:
        """Gives the session local files: ``.py`` to import, ``.jar``, archives, and any other as a plain file."""
        files: List[Tuple[str, bytes]] = []
        for path in map(Path, paths):
            prefix = _PREFIX.get(path.suffix, "files")
            try:
                files.append((f"{prefix}/{path.name}", path.read_bytes()))
            except OSError as error:
                raise InvalidInputError(f"{path} cannot be read: {error.strerror}") from error
        self._client._upload(self._key, files)

    def close(self) -> None:
        """Ends it. Closing twice does nothing."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        try:
            if self._made:
                self._client.close_session(self._key)
        finally:
            # Our client has ended it, or it is not ours to end: PySpark only lets go.
            self._native.release_session_on_close = False
            self._native.stop()
            self._client._let_go(self)

    stop = close

    @property
    def _key(self) -> str:
        return self.name or self.session_id

    def __getattr__(self, name: str) -> Any:
        # Before there is a native session there is nothing to ask.
        if name == "_native":
            raise AttributeError(name)
        return getattr(self._native, name)

    @property  # type: ignore[misc]
    def __class__(self) -> Type[Any]:
        return type(self._native) if "_native" in self.__dict__ else ManagedSparkSession

    def __enter__(self) -> ManagedSparkSession:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def __reduce__(self) -> Any:
        raise TypeError(
            "a ManagedSparkSession cannot be pickled: it is a live connection. Make one where it is needed, or open it there by its name"
        )

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<ManagedSparkSession {self._key} app_name={self.app_name!r} {state}>"

    def _repr_html_(self) -> str:
        rows = [("session", self._key), ("state", "closed" if self._closed else "open")]
        known = [("app name", self.app_name), ("server", self._info.server), ("user", self._info.user)]
        known.append(("Spark", self._info.spark_version))
        rows += [(name, value) for name, value in known if value is not None]
        if not self._closed:
            metrics = self.get_metrics()
            rows += [
                (name.replace("_", " "), f"{getattr(metrics, name)} ({source})")
                for name, source in sorted(metrics.sources.items())
            ]
        return table(rows)
