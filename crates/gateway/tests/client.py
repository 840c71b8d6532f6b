"""Everything that a client of Spark Connect does, against whatever SPARK_REMOTE names. Says `all done` at the end."""

import os
import pathlib
import tempfile
import threading
import time
import uuid

import pyspark
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, udf

VERSION = tuple(int(part) for part in pyspark.__version__.split(".")[:2])
spark = SparkSession.builder.getOrCreate()


def rows():
    assert spark.sql("select 1 + 1").first()[0] == 2
    frame = spark.createDataFrame([(n, "x" * n) for n in range(50)], "n int, s string")
    assert frame.where(col("n") > 47).count() == 2
    assert spark.range(10).toPandas()["id"].sum() == 45
    spark.conf.set("spark.sql.shuffle.partitions", "3")
    assert spark.conf.get("spark.sql.shuffle.partitions") == "3"


def large():
    """More than the windows of any connection hold, in both directions."""
    collected = spark.range(0, 2_000_000, 1, 4).selectExpr("id", "id * 2 as twice").toPandas()
    assert len(collected) == 2_000_000
    literal = spark.createDataFrame([("y" * 20_000_000,)], "s string")
    assert literal.selectExpr("length(s)").first()[0] == 20_000_000


def functions():
    @udf("long")
    def twice(n):
        return 2 * n

    assert spark.range(5).select(twice("id")).agg({"twice(id)": "sum"}).first()[0] == 20


def artifacts(folder):
    module = folder / "helper.py"
    module.write_text("def answer():\n    return 42\n")
    spark.addArtifacts(str(module), pyfile=True)
    big = folder / "big.bin"
    size = 100 << 20
    with big.open("wb") as file:
        file.truncate(size)
    spark.addArtifacts(str(big), file=True)
    if VERSION < (4, 0):
        return  # a function made by 3.5 runs on no newer server

    @udf("long")
    def seen():
        import helper
        from pyspark.core.files import SparkFiles

        return helper.answer() + os.path.getsize(SparkFiles.get("big.bin"))

    assert spark.range(1).select(seen()).first()[0] == 42 + size


def errors():
    """One query that fails."""
    try:
        spark.sql("select raise_error('as it should')").collect()
    except Exception as error:
        assert "as it should" in str(error), error
    else:
        raise AssertionError("it did not fail")


def parse_error():
    try:
        spark.sql("selec 1").schema
    except Exception as error:
        assert "PARSE_SYNTAX_ERROR" in str(error), error
    else:
        raise AssertionError("it did not fail")


def interrupt():
    """A query that is cancelled, which is no failure. Once it computes: in the moment in which it begins, Spark loses the order, or
    ends the operation and leaves its job running for ever."""
    ended, own = [], str(uuid.uuid4())
    begin = f"reflect('java.lang.System', 'setProperty', '{own}', 'computes')"
    begun = f"reflect('java.lang.System', 'getProperty', '{own}')"

    def run():
        try:
            spark.range(0, 10**13, 1, 1).where(f"{begin} = 'never'").count()
        except Exception as error:
            ended.append(str(error))

    query = threading.Thread(target=run, daemon=True)
    query.start()
    deadline = time.monotonic() + 60
    while spark.range(1).selectExpr(begun).first()[0] != "computes":
        assert not ended and time.monotonic() < deadline, ended or "it does not begin"
    while not ended and time.monotonic() < deadline:
        spark.interruptAll()
        query.join(0.3)
    assert ended and "CANCEL" in ended[0].upper(), ended


def streaming(folder):
    query = (
        spark.readStream.format("rate")
        .option("rowsPerSecond", 10)
        .load()
        .writeStream.format("memory")
        .queryName("seen")
        .option("checkpointLocation", str(folder / "checkpoint"))
        .start()
    )
    deadline = time.monotonic() + 60
    while not query.recentProgress and time.monotonic() < deadline:
        time.sleep(0.1)
    assert query.recentProgress, query.exception() or query.status
    query.stop()


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    rows()
    large()
    if VERSION >= (4, 0):
        functions()
    artifacts(folder)
    errors()
    parse_error()
    streaming(folder)
    interrupt()
print("all done", flush=True)
os._exit(0)
