"""Runs a query that takes minutes; says `interrupted` when somebody stops it."""

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

spark = SparkSession.builder.getOrCreate()


@udf("long")
def slow(number):
    import time

    time.sleep(120)
    return number


print("running", flush=True)
try:
    spark.range(0, 1, 1, 1).select(slow("id")).collect()
    print("ended")
except Exception as error:
    print("interrupted" if "CANCEL" in str(error).upper() else error)
# Lets go of the operation. Without this Spark may show it as running for five minutes more.
spark.stop()
