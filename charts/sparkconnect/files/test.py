"""What `helm test` runs: one query through a session, by what its connection Secret says."""

import os
import tempfile

authority = os.environ.get("AUTHORITY")
if authority:
    with tempfile.NamedTemporaryFile("w", suffix=".crt", delete=False) as file:
        file.write(authority)
    # gRPC reads it when it is imported.
    os.environ["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = file.name

try:
    from pyspark.sql.connect.session import SparkSession
except ImportError as error:
    raise SystemExit(f"this image has no PySpark client of Spark Connect ({error}): name one that has by test.image")

spark = SparkSession.builder.remote(os.environ["URI"]).getOrCreate()
total = spark.range(1000).selectExpr("sum(id) AS total").collect()[0]["total"]
if total != 499500:
    raise SystemExit(f"the numbers below 1000 come to 499500, not to {total}")
print(f"Spark {spark.version} answers: the session works")
