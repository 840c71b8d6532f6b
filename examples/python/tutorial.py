"""The tutorial. It runs as a whole, cell by cell in an editor that knows `# %%`, and by `step()` in shell.py. connection.py says where it
connects to."""

# %% 1. A configuration and a client
from connection import backend_config
from sparkconnect import SparkClient

config = backend_config()
client = SparkClient(backend_config=config)

# %% 2. A session
session = client.create_session(app_name="tutorial")

# %% 3. A query
df = session.sql("SELECT 1 AS id, 'Hello' AS msg")
df.show()
#> +---+-----+
#> | id|  msg|
#> +---+-----+
#> |  1|Hello|
#> +---+-----+

# %% 4. A DataFrame of Python's own data
data = [
    (1, "Electronics", 1200.00),
    (2, "Clothing", 35.00),
]
df = session.createDataFrame(data, ["id", "category", "price"])
df.show()
#> +---+-----------+------+
#> | id|   category| price|
#> +---+-----------+------+
#> |  1|Electronics|1200.0|
#> |  2|   Clothing|  35.0|
#> +---+-----------+------+

# %% 5. Aggregations
from pyspark.sql import functions as F

df.groupBy("category").agg(F.avg("price")).orderBy("category").show()
#> +-----------+----------+
#> |   category|avg(price)|
#> +-----------+----------+
#> |   Clothing|      35.0|
#> |Electronics|    1200.0|
#> +-----------+----------+

# %% 6. The end
session.close()
client.close()
