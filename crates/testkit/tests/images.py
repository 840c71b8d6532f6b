"""Runs in a Spark image: a Spark Connect server as the operator starts it, but with an archive that Java must use (-Xshare:on),
and Python functions on it.

    images.py ARCHIVE
"""

import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

ARCHIVE = sys.argv[1]
HOME = pathlib.Path(os.environ["SPARK_HOME"])
sys.path[:0] = [str(HOME / "python"), *map(str, (HOME / "python/lib").glob("py4j-*.zip"))]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start(folder, port):
    log = f"{folder}/classes.log"
    settings = {
        "spark.master": "local[1]",
        "spark.connect.grpc.binding.port": port,
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-Djava.net.preferIPv4Stack=true -Xshare:on "
        f"-XX:SharedArchiveFile={ARCHIVE} -Xlog:class+load:file={log}",
        "spark.local.dir": f"{folder}/local",
        "spark.sql.warehouse.dir": f"{folder}/warehouse",
        "spark.sql.artifact.dir": f"{folder}/artifacts",
        "spark.ui.enabled": "false",
    }
    properties = pathlib.Path(folder, "spark.properties")
    properties.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    command = [HOME / "bin/spark-submit", "--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
    environment = {**os.environ, "SPARK_CONF_DIR": "/nonexistent", "SPARK_LOCAL_IP": "127.0.0.1"}
    server = subprocess.Popen([*command, "--properties-file", properties], cwd=folder, env=environment)
    return server, log


def wait_until_open(server, port):
    while True:
        if server.poll() is not None:
            sys.exit(f"the server ended with {server.returncode}")
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)


def ask(port):
    from pyspark.sql import SparkSession
    from pyspark.sql.functions import pandas_udf, udf

    spark = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").getOrCreate()
    numbers = spark.range(1, 4)
    print("udf", [row[0] for row in numbers.select(udf(lambda x: x + 1, "long")("id")).collect()])
    print("pandas_udf", [row[0] for row in numbers.select(pandas_udf(lambda x: x * 2, "long")("id")).collect()])
    spark.stop()


def main():
    print("user", os.getuid())
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        server, log = start(folder, port)
        try:
            wait_until_open(server, port)
            ask(port)
        finally:
            server.terminate()
            server.wait()
        source = [line for line in open(log) if "SparkConnectServer source:" in line]
        print("SparkConnectServer from", *(line.split("source: ")[1].strip() for line in source))


main()
