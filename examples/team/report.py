"""What reaches a program of the team, in the driver and in an executor."""

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

spark = SparkSession.builder.getOrCreate()


@udf("int")
def length_of_password():
    from pathlib import Path

    return len(Path("/etc/warehouse/password").read_text())


print("time zone:", spark.sql("select current_timezone()").first()[0])
print("key:", spark.sql("set spark.hadoop.fs.s3a.secret.key").first()[1])
print("characters of the password:", spark.range(1).select(length_of_password()).first()[0])
