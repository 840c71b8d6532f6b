"""Makes a class-data archive: runs a Spark Connect server as the operator does, asks it what clients ask, and lets Java write down
the classes that it loaded. The server believes to be on Kubernetes (`pods.py`) and has one executor.

    train.py ARCHIVE

Java uses an archive only if the class path begins with the one it was made with. So the server is started here with the operator's
command: spark-submit with one properties file, and SPARK_CONF_DIR at a place that does not exist (any folder that exists would come
first in the class path).
"""

import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import pods

HOME = pathlib.Path(os.environ.get("SPARK_HOME", "/opt/spark"))
TOKEN = "training"
DRIVER = "driver"  # the name of the pod that the server believes to be in
PATIENCE = 600  # seconds for one wait: this may run on a slow and shared machine


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def settings(folder, archive, port, ui_port, api):
    return {
        "spark.master": f"k8s://{api.url}",
        "spark.app.name": "training",
        "spark.connect.grpc.binding.port": port,
        "spark.connect.authenticate.token": TOKEN,
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraJavaOptions": f"-Djava.net.preferIPv4Stack=true -XX:ArchiveClassesAtExit={archive} -Xlog:cds*=error",
        "spark.local.dir": f"{folder}/local",
        "spark.sql.warehouse.dir": f"{folder}/warehouse",
        "spark.sql.artifact.dir": f"{folder}/artifacts",
        "spark.ui.port": ui_port,
        "spark.executor.instances": "1",
        "spark.executor.memory": "600m",
        "spark.kubernetes.container.image": "none",
        "spark.kubernetes.driver.pod.name": DRIVER,
        "spark.kubernetes.executor.podTemplateFile": template(folder),
        "spark.kubernetes.namespace": "default",
        "spark.scheduler.minRegisteredResourcesRatio": "0",
    }


def template(folder):
    """A pod template like the operator's, so that the classes that read it are loaded."""
    file = folder / "executor.yaml"
    file.write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {labels: {a: b}}\nspec:\n  securityContext: {runAsNonRoot: true, runAsUser: 185}\n"
        "  containers:\n  - name: executor\n    resources: {limits: {memory: 1Gi}}\n    volumeMounts: [{name: tmp, mountPath: /tmp}]\n"
        "  volumes: [{name: tmp, emptyDir: {}}]\n"
    )
    return file


def start(folder, values):
    properties = folder / "spark.properties"
    properties.write_text("".join(f"{key} {value}\n" for key, value in values.items()))
    command = [HOME / "bin/spark-submit", "--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
    return subprocess.Popen(
        [*command, "--properties-file", properties],
        cwd=folder,
        env={
            **os.environ,
            "SPARK_CONF_DIR": "/nonexistent",
            "SPARK_LOCAL_IP": "127.0.0.1",  # a container that is being built may not know its own name
            "PYSPARK_PYTHON": sys.executable,
        },
    )


def wait_until_open(server, port):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if server.poll() is not None:
            sys.exit(f"the server ended with {server.returncode} before it was up")
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    sys.exit(f"the server did not open port {port} within {PATIENCE} s")


def ask(port, folder):
    """What clients typically ask: SQL, joins and aggregates, local data, files, views, Python functions, errors."""
    import pyspark.sql.functions as F
    from pyspark.errors import AnalysisException
    from pyspark.sql import SparkSession

    url = f"sc://127.0.0.1:{port}/;authorization=Bearer%20{TOKEN}"
    spark = SparkSession.builder.remote(url).getOrCreate()
    spark.conf.set("spark.sql.shuffle.partitions", "2")
    spark.sql("select 1 as one").collect()
    people = spark.createDataFrame([(1, "a", 2.5), (2, "b", None)], "id int, name string, score double")
    people.createOrReplaceTempView("people")
    numbers = spark.range(1000).withColumn("id2", F.col("id") % 3)
    joined = numbers.join(people, numbers.id2 == people.id).groupBy("name")
    joined.agg(F.count("*"), F.avg("score"), F.max(numbers.id)).orderBy("name").show()
    numbers.write.mode("overwrite").partitionBy("id2").parquet(f"{folder}/numbers")
    stored = spark.read.parquet(f"{folder}/numbers").filter("id > 500")
    stored.groupBy("id2").count().toPandas()
    spark.sql("select name, row_number() over (order by id) from people").collect()
    spark.sql("show tables").collect()
    numbers.select(F.udf(lambda x: x + 1, "long")("id")).limit(5).collect()
    numbers.select(F.pandas_udf(lambda x: x * 2, "long")("id")).limit(5).collect()
    people.explain()
    try:
        spark.sql("select * from nowhere").collect()
    except AnalysisException:
        pass
    spark.interruptAll()
    spark.stop()


def look(ui_port):
    """What the operator's monitor reads."""
    base = f"http://127.0.0.1:{ui_port}/api/v1/applications"
    with urllib.request.urlopen(base, timeout=PATIENCE) as reply:
        application = reply.read().decode().split('"id"')[1].split('"')[1]
    for path in ("executors", "jobs", "stages", "sql"):
        with urllib.request.urlopen(f"{base}/{application}/{path}", timeout=PATIENCE) as reply:
            reply.read()


def has_client():
    sys.path[:0] = [str(HOME / "python"), *map(str, (HOME / "python/lib").glob("py4j-*.zip"))]
    try:
        import google.rpc, grpc, grpc_status, pandas, pyarrow, pyspark  # noqa: E401, F401
    except ImportError as missing:
        print(f"training without queries, half as useful: {missing}", file=sys.stderr)
        return False
    return True


def main():
    archive = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        port, ui_port = free_port(), free_port()
        api = pods.Api()
        api.add_pod({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": DRIVER}, "spec": {"containers": []}})
        server = start(folder, settings(folder, archive, port, ui_port, api))
        try:
            wait_until_open(server, port)
            if has_client():
                ask(port, folder)
            look(ui_port)
        finally:
            server.terminate()
            server.wait(PATIENCE)
            api.stop()
    if not archive.exists():
        sys.exit("Java wrote no archive")
    print(f"{archive}: {archive.stat().st_size / 1e6:.0f} MB")


main()
