"""Runs as many small queries of one operation and one job as the argument says."""

import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
for _ in range(int(sys.argv[1])):
    assert spark.range(10).count() == 10
spark.stop()
