"""A Python function that uses the session's artifacts. They are where it runs, in the executors; this program has neither of them."""

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

spark = SparkSession.builder.getOrCreate()


@udf("double")
def in_euro(amount, currency):
    import rates

    return rates.in_euro(amount, currency)


sales = spark.createDataFrame([(10.0, "EUR"), (20.0, "USD"), (40.0, "GBP")], "amount double, currency string")
sales.withColumn("euro", in_euro("amount", "currency")).orderBy("amount").show()
