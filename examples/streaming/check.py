"""Compares what was written with what the source counted: a number that is missing was lost, one that is there twice was written twice."""

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
readings = spark.read.parquet("/data/readings").selectExpr("count(value)", "count(distinct value)", "max(value) + 1")
rows, different, counted = readings.first()
print(f"lost {counted - different}, twice {rows - different}")
