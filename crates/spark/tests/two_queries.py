"""Runs one query that ends well and one that fails while it runs; leaves the session in place."""

import os

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
assert spark.range(10).count() == 10
try:
    spark.sql("select raise_error('on purpose')").collect()
except Exception as error:
    assert "on purpose" in str(error), error
else:
    raise AssertionError("the query did not fail")
# Leaving by the interpreter's own way would release the session.
os._exit(0)
