"""A PySpark program that does what it is told: reads Python as JSON strings, one a line, runs it with `spark` at hand, and answers
each with a line of JSON: {"value": …}, what the last expression gave, or {"error": …}."""

import ast
import json
import os
import sys

# Whatever else prints goes to standard error, so that answers stay apart.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

from pyspark.sql import SparkSession  # noqa: E402

spark = None


def run(code):
    # A session that cannot be had is an answer too.
    global spark
    spark = spark or SparkSession.builder.getOrCreate()
    body = ast.parse(code).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "<test>", "exec"), globals())
    return eval(compile(ast.Expression(last.value), "<test>", "eval"), globals()) if last else None


for line in sys.stdin:
    try:
        answer = {"value": run(json.loads(line))}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer, default=str), file=answers, flush=True)
# Leaving by the interpreter's own way would release the session.
os._exit(0)
