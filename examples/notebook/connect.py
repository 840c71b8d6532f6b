"""The first cell of a notebook: finds the session that the pod is bound to, and connects to it."""

import os
from pathlib import Path

from pyspark.sql import SparkSession


def bound_to(kind):
    """The folder of the binding of that type."""
    bindings = Path(os.environ["SERVICE_BINDING_ROOT"]).iterdir()
    return next(binding for binding in bindings if (binding / "type").read_text() == kind)


binding = bound_to("spark-connect")
os.environ["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = str(binding / "ca.crt")
spark = SparkSession.builder.remote((binding / "uri").read_text()).getOrCreate()
print((binding / "userId").read_text(), "on Spark", spark.version)
print("sum", spark.range(1000).agg({"id": "sum"}).first()[0])
