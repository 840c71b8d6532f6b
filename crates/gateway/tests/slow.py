"""A query of some seconds, its answer, and another query."""

import os

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

spark = SparkSession.builder.getOrCreate()


@udf("long")
def slow(n):
    import time

    time.sleep(3)
    return n + 41


row = spark.range(1, 2, 1, 1).select(slow("id")).first()
print("the answer is", row[0], flush=True)
assert spark.range(3).count() == 3
os._exit(0)
