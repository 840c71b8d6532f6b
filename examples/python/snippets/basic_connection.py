"""A session of any Spark Connect server, by its URL: here one without TLS."""

import os

from sparkconnect import ConnectBackendConfig, SparkClient

# Where to.
config = ConnectBackendConfig(
    connect_url=os.environ.get("SPARK_REMOTE", "sc://localhost:15002"),
    use_ssl=False,
)

# A client and a session.
client = SparkClient(backend_config=config)
session = client.create_session(app_name="demo")

# From here on it is PySpark.
df = session.sql("SELECT 1 AS id, 'Hello' AS message")
df.show()
#> +---+-------+
#> | id|message|
#> +---+-------+
#> |  1|  Hello|
#> +---+-------+

session.close()
client.close()
