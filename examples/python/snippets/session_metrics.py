"""What a session has done, and who counted it."""

from connection import backend_config
from sparkconnect import SparkClient

with SparkClient(backend_config=backend_config()) as client:
    with client.create_session(app_name="metrics") as session:
        session.range(1000).selectExpr("sum(id)").collect()

        metrics = session.get_metrics()
        print(f"Queries executed: {metrics.queries_executed}")
        #> Queries executed: 1
        print(f"Active queries: {metrics.active_queries}")
        #> Active queries: …
        print(f"Counted by: {metrics.sources['queries_executed']}")
        #> Counted by: client

        # `None` where nobody knows: a client does not see what the server reads.
        print(f"Bytes read: {metrics.data_read_bytes}")
        #> Bytes read: None

        info = session.get_info()
        print(f"Session state: {info.state}, on Spark {info.spark_version}")
        #> Session state: ready, on Spark …
