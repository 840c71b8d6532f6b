"""Does work of known measure in two halves; between them it says `middle` and waits for a line. Argument: a folder that holds
`input.txt` and gets the folder `output`."""

import sys

from pyspark.sql import SparkSession

folder = sys.argv[1]
spark = SparkSession.builder.getOrCreate()

# Two operations: one writes, one reads a file that is not compressed.
spark.range(1000).write.parquet(folder + "/output")
assert spark.read.text(folder + "/input.txt").count() == 2000

print("middle", flush=True)
sys.stdin.readline()

# Five operations, of which one fails and one has neither a job nor a SQL execution.
assert spark.read.parquet(folder + "/output").count() == 1000
try:
    spark.sql("select raise_error('on purpose')").collect()
except Exception as error:
    assert "on purpose" in str(error), error
else:
    raise AssertionError("the query did not fail")
assert spark.createDataFrame([(1,)], ["a"]).collect()[0].a == 1
spark.range(1000).write.mode("append").parquet(folder + "/output")
spark.stop()
