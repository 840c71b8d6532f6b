"""What the package costs beside plain PySpark, side by side in one run: a query through a session of each, in turns, and imports, in turns.
SPARK_URL is a Spark Connect server's; arguments are the rounds of queries and of imports."""

import os
import random
import statistics
import subprocess
import sys
import time
from typing import Callable, Dict, List, Mapping, Sequence

from pyspark.sql.connect.session import SparkSession

from sparkconnect import ConnectBackendConfig, SparkClient

WARM_UP = 50
IMPORTS = {
    "nothing": "pass",
    "sparkconnect": "import sparkconnect",
    "PySpark's session": "import pyspark.sql.connect.session",
    "both": "import pyspark.sql.connect.session, sparkconnect",
}


def in_turns(ways: Mapping[str, Callable[[], object]], rounds: int) -> Dict[str, List[float]]:
    """Seconds of each call: each round calls every way once, in an order of its own."""
    seconds: Dict[str, List[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name in random.sample(list(ways), len(ways)):
            began = time.perf_counter()
            ways[name]()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def show(what: str, seconds: Dict[str, List[float]]) -> None:
    print(what)
    for name, values in seconds.items():
        tenths = statistics.quantiles(values, n=10)
        milliseconds = [1000 * value for value in (tenths[0], statistics.median(values), tenths[-1])]
        print("  {:<32} p10 {:8.3f}   median {:8.3f}   p90 {:8.3f} ms".format(name, *milliseconds))


def difference(one: Sequence[float], other: Sequence[float], drawn: int = 2000) -> str:
    """The median difference of rounds in microseconds, with the range that 95 of 100 draws of them give."""
    rounds = [1e6 * (a - b) for a, b in zip(one, other)]
    medians = sorted(statistics.median(random.choices(rounds, k=len(rounds))) for _ in range(drawn))
    least, most = medians[drawn // 40], medians[-drawn // 40]
    return f"{statistics.median(rounds):+.0f} µs a round (95 %: {least:+.0f} to {most:+.0f})"


def queries(rounds: int) -> None:
    url = os.environ["SPARK_URL"]
    with SparkClient(ConnectBackendConfig(connect_url=url, use_ssl=False)) as client:
        session = client.create_session(app_name="bench")
        plain = SparkSession.builder.remote(f"{url}/;use_ssl=false").create()
        again = SparkSession.builder.remote(f"{url}/;use_ssl=false").create()
        ways = {
            "sparkconnect": lambda: session.sql("select 1").collect(),
            "plain PySpark": lambda: plain.sql("select 1").collect(),
            "plain PySpark, another session": lambda: again.sql("select 1").collect(),
        }
        in_turns(ways, WARM_UP)
        seconds = in_turns(ways, rounds)
        show('session.sql("select 1").collect()', seconds)
        ours, theirs, others = seconds.values()
        print(f"  sparkconnect beside plain PySpark: {difference(ours, theirs)}")
        print(f"  noise, two plain sessions:         {difference(others, theirs)}")
        for made in (plain, again):
            made.stop()


def imports(rounds: int) -> None:
    def run(code: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    ways = {name: run(code) for name, code in IMPORTS.items()}
    in_turns(ways, 2)
    show("a Python that imports", in_turns(ways, rounds))


if __name__ == "__main__":
    queries(int(sys.argv[1]))
    imports(int(sys.argv[2]))
