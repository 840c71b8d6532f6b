"""Keeps a streaming query running: goes on with the one that runs in the session already, or starts it where its checkpoint ends."""

from pathlib import Path

from pyspark.sql import SparkSession

NAME = "readings"
FOLDER = Path("/data/readings")
CHECKPOINT = Path("/data/checkpoint")

spark = SparkSession.builder.getOrCreate()


def start():
    # A source that counts, ten numbers a second: the place of Kafka in an example.
    readings = spark.readStream.format("rate").option("rowsPerSecond", 10).load()
    writer = readings.writeStream.queryName(NAME).trigger(processingTime="2 seconds")
    return writer.format("parquet").option("checkpointLocation", str(CHECKPOINT)).start(str(FOLDER))


running = [query for query in spark.streams.active if query.name == NAME]
query = running[0] if running else start()
print("found" if running else "started", query.name, flush=True)

# Ends with an error when the query fails or its session is gone.
while not query.awaitTermination(5):
    progress = query.lastProgress
    if progress:
        print("batch", progress.batchId, "rows", progress.numInputRows, flush=True)
        Path("/tmp/progress").touch()
