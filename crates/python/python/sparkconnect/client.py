"""One client for sessions and batch jobs, over whichever back end it is configured for."""

from __future__ import annotations

import atexit
import json
import os
import sys
from types import TracebackType
from typing import Any, AsyncIterator, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple, Type

from ._native import Client, Logs, interpreter_ends
from ._progress import ProgressOption
from ._tasks import Begun, Telling, parameters_of
from .config import BackendConfig
from .errors import InvalidInputError, from_failure
from .models import Application, SessionInfo, SessionMetrics
from .session import ManagedSparkSession

_open: Set[SparkClient] = set()
"""Those that have sessions: what nobody holds any more lives on its server none the less, and is closed when the interpreter ends."""


class SparkClient:
    """A client.

    ``SparkClient(backend_config=SessionBackendConfig(namespace="team"))`` makes sessions on the cluster; the other configurations lead to
    any Spark Connect server, to a Spark operator, or to Livy. What a back end cannot do raises :class:`UnsupportedError`, which names those
    that can. Methods whose name ends in ``_async`` are the same for ``asyncio``. A client is its process' own: in a child by fork it raises
    :class:`InvalidInputError`.
    """

    def __init__(self, backend_config: BackendConfig) -> None:
        client, failure = Client.new(_json(backend_config._told()))
        if client is None:
            assert failure is not None
            raise from_failure(failure)
        self._client = client
        self._sessions: Dict[str, ManagedSparkSession] = {}
        self._process = os.getpid()

    @property
    def backend(self) -> str:
        """The back end's name: ``session``, ``connect``, ``operator`` or ``livy``."""
        return self._client.kind()

    def _create_session(
        self,
        app_name: Optional[str] = None,
        *,
        server: Optional[str] = None,
        name: Optional[str] = None,
        session_id: Optional[str] = None,
        user: Optional[str] = None,
        spark_conf: Optional[Mapping[str, str]] = None,
        idle_timeout: Optional[float] = None,
        ttl: Optional[float] = None,
        labels: Optional[Mapping[str, str]] = None,
        timeout: Optional[float] = None,
        progress: ProgressOption = None,
    ) -> Begun[ManagedSparkSession]:
        request = {
            "app_name": app_name,
            "server": server,
            "name": name,
            "session_id": session_id,
            "user": user,
            "spark_conf": dict(spark_conf or {}),
            "idle_timeout": idle_timeout,
            "ttl": ttl,
            "labels": dict(labels or {}),
        }
        telling = Telling(progress)
        task = self._native.create_session(_json(request), timeout, telling.callback)
        return Begun(task, lambda opened: self._managed(opened, made=True), telling, self._take_back)

    @parameters_of(_create_session)
    def create_session(self, *args: Any, **options: Any) -> ManagedSparkSession:
        """Makes a session and waits until it lives; lengths of time are seconds. One that does not in time is taken back."""
        return self._create_session(*args, **options).wait()

    @parameters_of(_create_session)
    async def create_session_async(self, *args: Any, **options: Any) -> ManagedSparkSession:
        """As :meth:`create_session`, for ``asyncio``."""
        return await self._create_session(*args, **options).wait_async()

    def _open_session(
        self, session: str, *, timeout: Optional[float] = None, progress: ProgressOption = None
    ) -> Begun[ManagedSparkSession]:
        telling = Telling(progress)
        task = self._native.open_session(session, timeout, telling.callback)
        return Begun(task, lambda opened: self._managed(opened, made=False), telling, self._let_go_of)

    @parameters_of(_open_session)
    def open_session(self, *args: Any, **options: Any) -> ManagedSparkSession:
        """Opens a session that is there already, by the name of its resource or by its id. Closing it only lets it go."""
        return self._open_session(*args, **options).wait()

    @parameters_of(_open_session)
    async def open_session_async(self, *args: Any, **options: Any) -> ManagedSparkSession:
        """As :meth:`open_session`, for ``asyncio``."""
        return await self._open_session(*args, **options).wait_async()

    def list_sessions(self) -> List[SessionInfo]:
        """The sessions that there are, whoever made them; of a Spark Connect URL those that this client made."""
        return Begun(self._native.list_sessions(), SessionInfo._all_of).wait()

    def get_session_status(self, session_id: str) -> SessionInfo:
        """What there is to tell of a session, by the name of its resource or by its id."""
        return Begun(self._native.get_session_status(session_id), SessionInfo._of).wait()

    def get_session_metrics(self, session_id: str) -> SessionMetrics:
        """What a session has done, by the name of its resource or by its id."""
        return SessionMetrics._of(session_id, self._counted(session_id))

    def close_session(self, session_id: str) -> None:
        """Ends a session, whoever made it. One that has ended already is no error."""
        Begun(self._native.close_session(session_id), _nothing).wait()

    def submit_application(
        self,
        app_name: str,
        main_application_file: str,
        *,
        main_class: Optional[str] = None,
        arguments: Sequence[str] = (),
        spark_version: Optional[str] = None,
        image: Optional[str] = None,
        image_pull_policy: Optional[str] = None,
        image_pull_secrets: Sequence[str] = (),
        spark_conf: Optional[Mapping[str, str]] = None,
        hadoop_conf: Optional[Mapping[str, str]] = None,
        jars: Sequence[str] = (),
        py_files: Sequence[str] = (),
        files: Sequence[str] = (),
        archives: Sequence[str] = (),
        packages: Sequence[str] = (),
        driver_cores: Optional[int] = None,
        driver_memory: Optional[str] = None,
        driver_memory_overhead: Optional[str] = None,
        driver_env: Optional[Mapping[str, str]] = None,
        service_account: Optional[str] = None,
        num_executors: Optional[int] = None,
        executor_bounds: Optional[Tuple[int, int]] = None,
        executor_cores: Optional[int] = None,
        executor_memory: Optional[str] = None,
        executor_memory_overhead: Optional[str] = None,
        executor_env: Optional[Mapping[str, str]] = None,
        proxy_user: Optional[str] = None,
        retries: int = 0,
        ttl: Optional[float] = None,
        queue: Optional[str] = None,
        labels: Optional[Mapping[str, str]] = None,
    ) -> Application:
        """Has an application run; does not wait for it. What the back end cannot give it is refused, not dropped."""
        request = {
            "name": app_name,
            "main_file": main_application_file,
            "main_class": main_class,
            "arguments": list(arguments),
            "spark_version": spark_version,
            "image": image,
            "image_pull_policy": image_pull_policy,
            "image_pull_secrets": list(image_pull_secrets),
            "spark_conf": dict(spark_conf or {}),
            "hadoop_conf": dict(hadoop_conf or {}),
            "jars": list(jars),
            "py_files": list(py_files),
            "files": list(files),
            "archives": list(archives),
            "packages": list(packages),
            "driver": {
                "cores": driver_cores,
                "memory": driver_memory,
                "memory_overhead": driver_memory_overhead,
                "service_account": service_account,
                "env": dict(driver_env or {}),
            },
            "executor": {
                "instances": num_executors,
                "bounds": executor_bounds,
                "cores": executor_cores,
                "memory": executor_memory,
                "memory_overhead": executor_memory_overhead,
                "env": dict(executor_env or {}),
            },
            "proxy_user": proxy_user,
            "retries": retries,
            "ttl": ttl,
            "queue": queue,
            "labels": dict(labels or {}),
        }
        return Begun(self._native.submit_application(_json(request)), Application._of).wait()

    def get_status(self, app_id: str) -> Application:
        """What there is to tell of an application."""
        return Begun(self._native.get_status(app_id), Application._of).wait()

    def _wait(
        self, app_id: str, *, timeout: Optional[float] = None, progress: ProgressOption = None
    ) -> Begun[Application]:
        telling = Telling(progress)
        return Begun(self._native.wait(app_id, timeout, telling.callback), Application._of, telling)

    @parameters_of(_wait)
    def wait(self, *args: Any, **options: Any) -> Application:
        """Waits until an application has ended, well or not: its state says which."""
        return self._wait(*args, **options).wait()

    @parameters_of(_wait)
    async def wait_async(self, *args: Any, **options: Any) -> Application:
        """As :meth:`wait`, for ``asyncio``."""
        return await self._wait(*args, **options).wait_async()

    def list_applications(self) -> List[Application]:
        """The applications that there are."""
        return Begun(self._native.list_applications(), Application._all_of).wait()

    def delete_application(self, app_id: str) -> None:
        """Stops an application and removes its record."""
        Begun(self._native.delete_application(app_id), _nothing).wait()

    def suspend_application(self, app_id: str) -> None:
        """Stops an application and holds it back until it is resumed."""
        Begun(self._native.suspend_application(app_id, True), _nothing).wait()

    def resume_application(self, app_id: str) -> None:
        """Has an application that was suspended run."""
        Begun(self._native.suspend_application(app_id, False), _nothing).wait()

    def _logs(
        self,
        submission_id: str,
        *,
        executor_id: Optional[str] = None,
        follow: bool = False,
        previous: bool = False,
        tail: Optional[int] = None,
    ) -> Logs:
        request = {"executor_id": executor_id, "follow": follow, "previous": previous, "tail": tail}
        return self._native.get_logs(submission_id, _json(request))

    @parameters_of(_logs)
    def get_logs(self, *args: Any, **options: Any) -> Iterator[str]:
        """Lines of the log of an application's driver or executor, or of a session's server; with ``follow`` until the other side ends."""
        logs = self._logs(*args, **options)
        while (lines := self._more(logs).wait()) is not None:
            yield from lines

    @parameters_of(_logs)
    async def get_logs_async(self, *args: Any, **options: Any) -> AsyncIterator[str]:
        """As :meth:`get_logs`, for ``async for``."""
        logs = self._logs(*args, **options)
        while (lines := await self._more(logs).wait_async()) is not None:
            for line in lines:
                yield line

    def _more(self, logs: Logs) -> Begun[Optional[List[str]]]:
        self._check_process()
        return Begun(logs.more(), _lines)

    def close(self) -> None:
        """Closes the sessions that it made and lets go of those that it opened: all of them, then raises what went wrong first. What could
        not be closed is tried again at the next call, and at the end of the interpreter."""
        self._check_process()
        failures: List[Exception] = []
        for session in list(self._sessions.values()):
            try:
                session.close()
            except Exception as failure:
                failures.append(failure)
        if failures:
            raise failures[0]

    def __enter__(self) -> SparkClient:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        if self._made_here:
            self.close()

    def __repr__(self) -> str:
        return f"<SparkClient over the {self.backend} back end>"

    def __reduce__(self) -> Any:
        raise TypeError("a SparkClient cannot be pickled: it has live connections. Make one where it is needed")

    @property
    def _made_here(self) -> bool:
        """Whether this process made it. A child by fork has a copy, but connections and sessions are its parent's."""
        return self._process == os.getpid()

    def _check_process(self) -> None:
        # What the copy of a child begins never ends: the threads that the connections need do not follow a fork.
        if not self._made_here:
            raise InvalidInputError("this SparkClient was made before a fork: make one in this process")

    @property
    def _native(self) -> Client:
        self._check_process()
        return self._client

    def _managed(self, opened: Dict[str, Any], made: bool) -> ManagedSparkSession:
        try:
            session = ManagedSparkSession(self, opened, made)
        except BaseException:
            if made:
                self._take_back(opened)
            else:
                self._let_go_of(opened)
            raise
        self._sessions[session.session_id] = session
        _open.add(self)
        return session

    def _take_back(self, opened: Dict[str, Any]) -> None:
        self._let_go_of(opened)
        if self._made_here:
            self.close_session(opened["info"]["name"] or opened["info"]["session_id"])

    def _let_go_of(self, opened: Dict[str, Any]) -> None:
        if self._made_here:
            self._client.let_go(opened["info"]["session_id"])

    def _let_go(self, session_id: str) -> None:
        self._native.let_go(session_id)
        self._sessions.pop(session_id, None)
        if not self._sessions:
            _open.discard(self)

    def _upload(self, session: str, files: List[Tuple[str, bytes]]) -> None:
        Begun(self._native.upload_artifacts(session, files), _nothing).wait()

    def _counted(self, session: str) -> Dict[str, Any]:
        return Begun[Dict[str, Any]](self._native.get_session_metrics(session), dict).wait()


def _json(request: Dict[str, Any]) -> str:
    try:
        return json.dumps(request)
    except TypeError as error:
        raise InvalidInputError(f"a value cannot be sent: {error}") from error


def _lines(lines: Optional[List[str]]) -> Optional[List[str]]:
    return lines


def _nothing(came: None) -> None:
    pass


@atexit.register
def _close_all() -> None:
    try:
        for client in list(_open):
            try:
                if client._made_here:
                    client.close()
            except Exception as error:  # nobody is there to catch it
                print(f"sparkconnect: a session was not closed: {error}", file=sys.stderr)
    finally:
        interpreter_ends()
