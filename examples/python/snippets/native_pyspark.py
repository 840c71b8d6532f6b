"""Whatever is PySpark's goes straight to PySpark. Argument: a folder that the server may write to, as in s3a://bucket/people."""

import sys

from pyspark.sql.connect.session import SparkSession

from connection import backend_config
from sparkconnect import SparkClient

folder = sys.argv[1]

with SparkClient(backend_config=backend_config()) as client:
    with client.create_session(app_name="native") as session:
        people = session.createDataFrame([("Ada", 36), ("Grace", 29)], ["name", "age"])
        people.write.mode("overwrite").parquet(folder)

        df = session.read.parquet(folder)
        result = df.filter(df.age > 30).collect()
        print(result)
        #> [Row(name='Ada', age=36)]

        # The very methods of the native session: nothing stands between.
        print(session.sql.__self__ is session.native)
        #> True
        print(isinstance(session, SparkSession))
        #> True
