"""Runs a UDF that imports a module which somebody else uploaded to this session; prints the module's answer."""

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

spark = SparkSession.builder.getOrCreate()


@udf("string")
def answer():
    import uploaded

    return uploaded.answer()


print(spark.range(1).select(answer()).first()[0])
