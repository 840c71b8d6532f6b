"""Four queries, of which one fails, and three artifacts. Says `all done` at the end."""

import os
import pathlib
import tempfile

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
assert len(spark.range(10).collect()) == 10
assert spark.range(5).count() == 5
try:
    spark.sql("select raise_error('as it should')").collect()  # two: the command, and its result
except Exception as error:
    assert "as it should" in str(error), error
else:
    raise AssertionError("it did not fail")
with tempfile.TemporaryDirectory() as name:
    paths = [pathlib.Path(name) / f"{letter}.py" for letter in "abc"]
    for path in paths:
        path.write_text("")
    spark.addArtifacts(*map(str, paths), pyfile=True)
print("all done", flush=True)
os._exit(0)
