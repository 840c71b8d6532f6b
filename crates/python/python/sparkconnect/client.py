"""One client for sessions and batch jobs, over whichever back end it is configured for."""

from __future__ import annotations

import atexit
import json
import weakref
from types import TracebackType
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Type

from . import _native
from ._progress import ProgressOption, teller
from ._tasks import arun, run
from .config import _Config
from .errors import InvalidInputError, from_failure
from .models import Application, Progress, SessionInfo, SessionMetrics
from .session import ManagedSparkSession

_open: "weakref.WeakSet[SparkClient]" = weakref.WeakSet()


class SparkClient:
    """A client.

    ``SparkClient(backend_config=SessionBackendConfig(namespace="team"))`` makes sessions on the cluster; the other configurations lead to
    any Spark Connect server, or to a Spark operator. What a back end cannot do raises :class:`UnsupportedError`, which names those
    that can. Methods whose name ends in ``_async`` are the same for ``asyncio``.
    """

    def __init__(self, backend_config: _Config) -> None:
        client, failure = _native.Client.new(json.dumps(backend_config._told()))
        if client is None:
            assert failure is not None
            raise from_failure(failure)
        self._native = client
        self._sessions: Dict[str, ManagedSparkSession] = {}
        _open.add(self)

    @property
    def backend(self) -> str:
        """The back end's name: ``session``, ``connect`` or ``operator``."""
        return self._native.kind()

    def create_session(
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
    ) -> ManagedSparkSession:
        """Makes a session and waits until it lives; lengths of time are seconds. One that does not in time is taken back."""
        request = _request(app_name, server, name, session_id, user, spark_conf, idle_timeout, ttl, labels)
        return self._managed(run(self._native.create_session(request, timeout, _told(progress))), made=True)

    async def create_session_async(
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
    ) -> ManagedSparkSession:
        """As :meth:`create_session`, for ``asyncio``."""
        request = _request(app_name, server, name, session_id, user, spark_conf, idle_timeout, ttl, labels)
        opened = await arun(self._native.create_session(request, timeout, _told(progress)))
        return self._managed(opened, made=True)

    def open_session(
        self, session: str, *, timeout: Optional[float] = None, progress: ProgressOption = None
    ) -> ManagedSparkSession:
        """Opens a session that is there already, by the name of its resource or by its id. Closing it only lets it go."""
        return self._managed(run(self._native.open_session(session, timeout, _told(progress))), made=False)

    async def open_session_async(
        self, session: str, *, timeout: Optional[float] = None, progress: ProgressOption = None
    ) -> ManagedSparkSession:
        """As :meth:`open_session`, for ``asyncio``."""
        return self._managed(await arun(self._native.open_session(session, timeout, _told(progress))), made=False)

    def list_sessions(self) -> List[SessionInfo]:
        """The sessions that there are, whoever made them; of a Spark Connect URL those that this client made."""
        return [SessionInfo._of(told) for told in run(self._native.list_sessions())]

    def get_session_status(self, session_id: str) -> SessionInfo:
        """What there is to tell of a session, by the name of its resource or by its id."""
        return SessionInfo._of(run(self._native.get_session_status(session_id)))

    def get_session_metrics(self, session_id: str) -> SessionMetrics:
        """What a session has done."""
        return SessionMetrics._of(session_id, run(self._native.get_session_metrics(session_id)))

    def close_session(self, session_id: str) -> None:
        """Ends a session, whoever made it. One that has ended already is no error."""
        run(self._native.close_session(session_id))

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
        return Application._of(run(self._native.submit_application(_json(request))))

    def get_status(self, app_id: str) -> Application:
        """What there is to tell of an application."""
        return Application._of(run(self._native.get_status(app_id)))

    def wait(
        self, app_id: str, *, timeout: Optional[float] = None, progress: ProgressOption = None
    ) -> Application:
        """Waits until an application has ended, well or not: its state says which."""
        return Application._of(run(self._native.wait(app_id, timeout, _told(progress))))

    async def wait_async(
        self, app_id: str, *, timeout: Optional[float] = None, progress: ProgressOption = None
    ) -> Application:
        """As :meth:`wait`, for ``asyncio``."""
        return Application._of(await arun(self._native.wait(app_id, timeout, _told(progress))))

    def list_applications(self) -> List[Application]:
        """The applications that there are."""
        return [Application._of(told) for told in run(self._native.list_applications())]

    def delete_application(self, app_id: str) -> None:
        """Stops an application and removes its record."""
        run(self._native.delete_application(app_id))

    def suspend_application(self, app_id: str) -> None:
        """Stops an application and holds it back until it is resumed."""
        run(self._native.suspend_application(app_id, True))

    def resume_application(self, app_id: str) -> None:
        """Has an application that was suspended run."""
        run(self._native.suspend_application(app_id, False))

    def get_logs(
        self,
        submission_id: str,
        *,
        executor_id: Optional[str] = None,
        follow: bool = False,
        previous: bool = False,
        tail: Optional[int] = None,
    ) -> Iterator[str]:
        """Lines of the driver's log, or of an executor's; with ``follow`` until the other side ends."""
        request = {"executor_id": executor_id, "follow": follow, "previous": previous, "tail": tail}
        logs = self._native.get_logs(submission_id, _json(request))
        while True:
            lines = run(logs.more())
            if lines is None:
                return
            yield from lines

    def close(self) -> None:
        """Closes the sessions that it made and lets go of those that it opened."""
        for session in list(self._sessions.values()):
            session.close()

    def __enter__(self) -> SparkClient:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<SparkClient over the {self.backend} back end>"

    def __reduce__(self) -> Any:
        raise TypeError("a SparkClient cannot be pickled: it has live connections. Make one where it is needed")

    def _managed(self, opened: Dict[str, Any], made: bool) -> ManagedSparkSession:
        session_id = opened["info"]["session_id"]
        try:
            session = ManagedSparkSession(self, opened, made)
        except BaseException:
            self._native.let_go(session_id)
            if made:
                run(self._native.close_session(opened["info"]["name"] or session_id))
            raise
        self._sessions[session_id] = session
        return session

    def _let_go(self, session: ManagedSparkSession) -> None:
        self._native.let_go(session.session_id)
        self._sessions.pop(session.session_id, None)

    def _upload(self, session: str, files: List[Tuple[str, bytes]]) -> None:
        run(self._native.upload_artifacts(session, files))

    def _metrics(self, session: ManagedSparkSession) -> SessionMetrics:
        told = run(self._native.get_session_metrics(session._key))
        # Without anybody who counts on the server's side there is what went through here.
        if all(counted is None or counted["source"] == "client" for counted in told.values()):
            here = {name: {"value": value, "source": "client"} for name, value in session._counter.read().items()}
            told = {**told, **here}
        return SessionMetrics._of(session.session_id, told)


def _request(
    app_name: Optional[str],
    server: Optional[str],
    name: Optional[str],
    session_id: Optional[str],
    user: Optional[str],
    spark_conf: Optional[Mapping[str, str]],
    idle_timeout: Optional[float],
    ttl: Optional[float],
    labels: Optional[Mapping[str, str]],
) -> str:
    return _json(
        {
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
    )


def _json(request: Dict[str, Any]) -> str:
    try:
        return json.dumps(request)
    except TypeError as error:
        raise InvalidInputError(f"a value cannot be sent: {error}") from error


def _told(option: ProgressOption) -> Optional[Callable[[str], None]]:
    tell = teller(option)
    if tell is None:
        return None
    return lambda text: tell(Progress(**json.loads(text)))


@atexit.register
def _close_all() -> None:
    for client in list(_open):
        try:
            client.close()
        except Exception as error:  # nobody is there to catch it
            print(f"sparkconnect: a session was not closed: {error}")
