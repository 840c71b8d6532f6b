"""Tells as JSON what this Python has of PySpark, without the second that importing it takes."""

import importlib.util
import json
import pathlib
import runpy
import sys

pyspark = importlib.util.find_spec("pyspark")
version = None
if pyspark is not None and pyspark.origin is not None:
    version = runpy.run_path(str(pathlib.Path(pyspark.origin).with_name("version.py")))["__version__"]
needed = ["grpc", "grpc_status", "google", "pandas", "pyarrow"]
missing = [name for name in needed if importlib.util.find_spec(name) is None]
print(json.dumps({"python": sys.version.split()[0], "pyspark": version, "missing": missing}))
