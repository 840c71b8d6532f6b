"""Writes and reads data through a session: the URL in SPARK_REMOTE is all that it needs, whatever lies behind it."""

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, udf

spark = SparkSession.builder.getOrCreate()

squares = spark.range(1000).withColumn("square", col("id") * col("id"))
squares.write.mode("overwrite").parquet("/data/squares")


@udf("string")
def parity(number):
    return "even" if number % 2 == 0 else "odd"


result = spark.read.parquet("/data/squares").groupBy(parity("id").alias("parity")).sum("square").orderBy("parity")
result.show()
