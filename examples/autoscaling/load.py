"""Work for more than one executor: four tasks that take a quarter of a minute each."""

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

spark = SparkSession.builder.getOrCreate()


@udf("long")
def slow(number):
    import time

    time.sleep(15)
    return number


numbers = spark.range(0, 4, 1, numPartitions=4)
print("sum", numbers.select(slow("id").alias("id")).agg({"id": "sum"}).first()[0])
