"""A user's program, for type checkers alone: what the package gives has the types of its own and of PySpark's."""

import asyncio
from typing import List, Optional

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from typing_extensions import assert_type

from sparkconnect import (
    Application,
    ConnectBackendConfig,
    GatewayBackendConfig,
    ManagedSparkSession,
    Progress,
    SessionMetrics,
    SparkClient,
)


def totals(spark: SparkSession) -> DataFrame:
    """A function that takes whatever session it is given."""
    return spark.range(10).groupBy().agg(F.sum("id").alias("total"))


def tell(progress: Progress) -> None:
    print(progress.state)


config = ConnectBackendConfig(connect_url="sc://localhost:15002", use_ssl=False)
with SparkClient(backend_config=config) as client:
    with client.create_session(app_name="typed", spark_conf={"a": "b"}, progress=tell) as session:
        assert_type(session, ManagedSparkSession)
        assert_type(session.sql("select 1"), DataFrame)
        assert_type(session.sql("select 1").collect(), List[Row])
        assert_type(session.get_metrics(), SessionMetrics)
        assert_type(session.get_metrics().queries_executed, Optional[int])
        totals(session).show()
    opened = client.open_session("one", timeout=5)
    assert_type(opened, ManagedSparkSession)

jobs = SparkClient(backend_config=GatewayBackendConfig(url="http://localhost:8998"))
job = jobs.submit_application("pi", "local:///pi.py", arguments=["10"])
assert_type(jobs.wait(job.id, timeout=60), Application)
for line in jobs.get_logs(job.id, follow=True):
    assert_type(line, str)


async def main() -> None:
    assert_type(await client.create_session_async("typed", ttl=60), ManagedSparkSession)
    assert_type(await jobs.wait_async(job.id), Application)
    async for line in jobs.get_logs_async(job.id, tail=5):
        assert_type(line, str)


asyncio.run(main())

# What is wrong is told: a check that lets it pass says that these comments have no use.
client.create_session(app_nam="typed")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
client.create_session("typed", timeout="soon")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
session.sqll("select 1")  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
