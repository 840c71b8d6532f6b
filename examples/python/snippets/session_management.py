"""Which sessions there are, and what becomes of them."""

from connection import backend_config
from sparkconnect import SparkClient

with SparkClient(backend_config=backend_config()) as client:
    session = client.create_session(app_name="management")
    session.sql("SELECT 'Hello' AS message").collect()

    for s in client.list_sessions():
        print(f"Session: {s.session_id}, App: {s.app_name}, State: {s.state}")
        #> Session: …, App: management, State: ready

    status = client.get_session_status(session.session_id)
    print(f"Session state: {status.state}")
    #> Session state: ready

    info = session.get_info()
    print(f"App: {info.app_name}, State: {info.state}")
    #> App: management, State: ready

    # By its id, from wherever; `session.close()` does the same.
    client.close_session(session.session_id)
