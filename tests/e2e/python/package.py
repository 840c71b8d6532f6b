"""A session on the cluster by the Python package, from outside: NAMESPACE has one server, KUBECONFIG leads to the cluster."""

import os
import time

from sparkconnect import NotFoundError, SessionBackendConfig, SessionState, SparkClient

PATIENCE = 180

config = SessionBackendConfig(namespace=os.environ["NAMESPACE"], reach="port-forward")
told = []
with SparkClient(backend_config=config) as client:
    with client.create_session(app_name="analysis", progress=told.append) as session:
        assert session.sql("SELECT 1 AS id, 'Hello' AS message").collect()[0].message == "Hello"
        info = session.get_info()
        assert (info.state, info.app_name, info.server) == (SessionState.READY, "analysis", "demo"), info
        assert [s.name for s in client.list_sessions()] == [session.name]
        began = time.monotonic()
        while True:
            metrics = session.get_metrics()
            # Before the operator has counted, the client does.
            if set(metrics.sources.values()) == {"status"} and metrics.queries_executed > 0:
                break
            assert time.monotonic() - began < PATIENCE, metrics
            time.sleep(0.2)
        assert metrics.session_id == session.session_id
    began = time.monotonic()
    while True:
        try:
            info = client.get_session_status(session.name)
        except NotFoundError:
            break
        assert time.monotonic() - began < PATIENCE, info
        time.sleep(0.2)
assert told and all(progress.subject.endswith(session.name) for progress in told), told
