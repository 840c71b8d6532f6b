"""The tutorial of the shell. `names` are the prompt's own, `told` says where its session lives."""

import importlib.util

WITH_PACKAGE = [
    (
        "A client knows where sessions are made: here in this namespace, on this server.",
        "from sparkconnect import SessionBackendConfig, SparkClient\n"
        f"config = SessionBackendConfig({', '.join(f'{name}={value!r}' for name, value in told['config'].items())})\n"
        "client = SparkClient(backend_config=config)",
    ),
    (
        "It makes a session beside the shell's own. It is a native PySpark session, with a few methods more.",
        'session = client.create_session(app_name="tutorial")',
    ),
]
WITHOUT_PACKAGE = [
    (
        "A program makes its session by a SparkClient of the package `sparkconnect`, which this Python does not have.\n"
        "The shell has made one already: `spark` does the same from here on.",
        "session = spark",
    ),
]
COMMON = [
    ("A query in SQL.", "df = session.sql(\"SELECT 1 AS id, 'Hello' AS msg\")\ndf.show()"),
    (
        "A DataFrame of data that this program has.",
        'data = [\n    (1, "Electronics", 1200.00),\n    (2, "Clothing", 35.00),\n]\n'
        'df = session.createDataFrame(data, ["id", "category", "price"])\n'
        "df.show()",
    ),
    (
        "An aggregation: the server's executors do the work.",
        'from pyspark.sql import functions as F\ndf.groupBy("category").agg(F.avg("price")).show()',
    ),
]
CLEANUP = [("What was made is closed again.", "session.close()\nclient.close()")]

packaged = importlib.util.find_spec("sparkconnect") is not None
steps = WITH_PACKAGE + COMMON + CLEANUP if packaged else WITHOUT_PACKAGE + COMMON
done = 0


def step():
    """Tells of the next step, shows its code, and runs it where it can be looked at afterwards."""
    global done
    if done == len(steps):
        print("That was the tutorial. Go on with `spark`, or leave with exit().")
        return
    words, code = steps[done]
    print(f"Step {done + 1} of {len(steps)}. {words}\n")
    print("".join(f"    {line}\n" for line in code.splitlines()))
    exec(compile(code, "<tutorial>", "exec"), names)
    done += 1
