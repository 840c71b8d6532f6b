"""A native PySpark session with what this client adds: its state, its metrics, its end."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple, Type

from ._pyspark import Counter, open_session
from .errors import InvalidInputError, NotFoundError, SparkConnectError
from .models import SessionInfo, SessionMetrics, table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.session import SparkSession as NativeSession

    from .client import SparkClient
else:
    SparkSession = object

_PREFIX = {".py": "pyfiles", ".egg": "pyfiles", ".jar": "jars", ".zip": "archives", ".tgz": "archives", ".gz": "archives"}


class ManagedSparkSession(SparkSession):
    """A session. Whatever it does not define itself is PySpark's: ``session.sql``, ``session.read``, ``session.createDataFrame`` and all
    else go straight to the native session, which is :attr:`native`. ``isinstance`` takes it for PySpark's Connect session, and type
    checkers for ``pyspark.sql.SparkSession``, as they do what PySpark's own builder gives.

    Closing it ends the session on its server if this client made it; a session that was opened is only let go. It closes by itself at the
    end of a ``with`` block and of the interpreter.
    """

    # PySpark asks a session for private attributes of its own, such as `_client`: what is kept here has names that it does not have.

    def __init__(self, client: SparkClient, opened: Dict[str, Any], made: bool) -> None:
        self._managed_by = client
        self._managed_made = made
        self._managed_info = SessionInfo._of(opened["info"])
        self._managed_counter = Counter()
        # The handler of a signal may close what its thread is just closing.
        self._managed_closing = threading.RLock()
        self._managed_stopped = False
        self._managed_closed = False
        self._managed_native: NativeSession = open_session(opened, self._managed_counter)

    @property
    def native(self) -> NativeSession:
        """PySpark's own session."""
        return self._managed_native

    @property
    def session_id(self) -> str:
        """The session's id on its server, a UUID."""
        assert self._managed_info.session_id is not None
        return self._managed_info.session_id

    @property
    def name(self) -> Optional[str]:
        """Name of its resource, where it has one."""
        return self._managed_info.name

    @property
    def app_name(self) -> Optional[str]:
        """Its application's name."""
        return self._managed_info.app_name

    @property
    def is_closed(self) -> bool:
        """Whether it was closed here."""
        return self._managed_closed

    def get_info(self) -> SessionInfo:
        """What there is to tell of it now."""
        return self._managed_by.get_session_status(self._managed_key)

    def get_metrics(self) -> SessionMetrics:
        """What it has done. A number that nobody has told on the server's side is counted here, for what went through this object."""
        told = self._managed_by._counted(self._managed_key)
        for name, value in self._managed_counter.read().items():
            counted = told.get(name)
            if counted is None or counted["source"] == "client":
                told[name] = {"value": value, "source": "client"}
        return SessionMetrics._of(self.session_id, told)

    def upload_artifacts(self, *paths: str) -> None:
        """Gives the session local files: ``.py`` to import, ``.jar``, archives, and any other as a plain file."""
        files: List[Tuple[str, bytes]] = []
        for path in map(Path, paths):
            prefix = _PREFIX.get(path.suffix, "files")
            try:
                files.append((f"{prefix}/{path.name}", path.read_bytes()))
            except OSError as error:
                raise InvalidInputError(f"{path} cannot be read: {error.strerror}") from error
        self._managed_by._upload(self._managed_key, files)

    def close(self) -> None:
        """Ends it. Closing twice does nothing; where the end failed, closing again tries again."""
        # First: a child by fork may have a copy of the lock that nobody there opens.
        self._managed_by._check_process()
        with self._managed_closing:
            if self._managed_closed:
                return
            if not self._managed_stopped:
                # Our client ends it, or it is not ours to end: PySpark only lets go, and first, while the server still knows what it
                # releases.
                setattr(self._managed_native, "release_session_on_close", False)
                self._managed_native.stop()
                self._managed_stopped = True
            if self._managed_made:
                try:
                    self._managed_by.close_session(self._managed_key)
                except NotFoundError:  # somebody else has ended it
                    pass
            self._managed_by._let_go(self.session_id)
            self._managed_closed = True

    def stop(self) -> None:
        """As :meth:`close`."""
        self.close()

    @property
    def _managed_key(self) -> str:
        return self.name or self.session_id

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # Before there is a native session there is nothing to ask.
            if name == "_managed_native":
                raise AttributeError(name)
            return getattr(self._managed_native, name)

        @property
        def __class__(self) -> Type[Any]:
            return type(self._managed_native) if "_managed_native" in self.__dict__ else ManagedSparkSession

    def __dir__(self) -> List[str]:
        own = (name for name in [*vars(ManagedSparkSession), *vars(self)] if not name.startswith("_managed"))
        return sorted({*own, *dir(self._managed_native)})

    def __enter__(self) -> ManagedSparkSession:
        return self

    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc_val: Optional[BaseException],
        exc_tb: Optional[TracebackType],
    ) -> None:
        if self._managed_by._made_here:
            self.close()

    def __reduce__(self) -> Any:
        raise TypeError(
            "a ManagedSparkSession cannot be pickled: it is a live connection. Make one where it is needed, or open it there by its name"
        )

    def __repr__(self) -> str:
        state = "closed" if self._managed_closed else "open"
        return f"<ManagedSparkSession {self._managed_key} app_name={self.app_name!r} {state}>"

    def _repr_html_(self) -> str:
        info = self._managed_info
        rows = [("session", self._managed_key), ("state", "closed" if self._managed_closed else "open")]
        known = [("app name", info.app_name), ("server", info.server), ("user", info.user), ("Spark", info.spark_version)]
        rows += [(name, value) for name, value in known if value is not None]
        return table(rows if self._managed_closed else rows + self._managed_counts())

    def _managed_counts(self) -> List[Tuple[str, str]]:
        try:
            metrics, info = self.get_metrics(), self.get_info()
        except SparkConnectError as error:
            return [("metrics", f"cannot be had now: {error.message}")]
        counts = [
            (name.replace("_", " "), f"{getattr(metrics, name)} ({source})")
            for name, source in sorted(metrics.sources.items())
        ]
        return counts if info.ui_url is None else [*counts, ("Spark UI", info.ui_url)]
