"""How long it takes to have a session on a cluster, side by side in one run, in turns: by this package, on a server that runs, and by
kubeflow's SDK, which starts a server for each session. Either is begun from nothing, and ended again. KUBECONFIG leads to the cluster,
OURS and THEIRS are the namespaces, IMAGE is Spark's for kubeflow; the argument is the number of rounds."""

import logging
import os
import signal
import statistics
import subprocess
import sys
import time

# Spark's own script that starts a server, which its Python package lacks, comes from the ConfigMap `scripts`.
SERVER = {
    "spec": {
        "serviceAccountName": "spark",
        "containers": [
            {
                "name": "spark-kubernetes-driver",
                "volumeMounts": [{"name": "scripts", "mountPath": "/opt/spark/sbin"}],
            }
        ],
        "volumes": [{"name": "scripts", "configMap": {"name": "scripts", "defaultMode": 0o755}}],
    }
}
# Without one, kubeflow's operator 2.4.0 makes no server.
EXECUTOR = {"spec": {"containers": [{"name": "spark-kubernetes-executor"}]}}


def from_the_image(resource, backend) -> None:
    """The SDK has each server fetch Spark Connect from a public registry, before it starts. The image has it."""
    del backend, resource.spec.spark_conf["spark.jars"]


def ours() -> float:
    # As the SDK has it, before anything is measured.
    import pyspark.sql.connect.session  # noqa: F401

    from sparkconnect import SessionBackendConfig, SparkClient

    began = time.perf_counter()
    with SparkClient(SessionBackendConfig(namespace=os.environ["OURS"])) as client:
        with client.create_session(app_name="bench"):
            return time.perf_counter() - began


def theirs() -> float:
    from kubeflow.common.types import KubernetesBackendConfig
    from kubeflow.spark import SparkClient
    from kubeflow.spark.options.kubernetes import PodTemplateOverride
    from kubeflow.spark.types.types import Driver

    logging.disable(logging.WARNING)
    templates = [PodTemplateOverride("driver", SERVER), PodTemplateOverride("executor", EXECUTOR)]
    began = time.perf_counter()
    client = SparkClient(KubernetesBackendConfig(namespace=os.environ["THEIRS"]))
    client.connect(
        num_executors=1,
        driver=Driver(image=os.environ["IMAGE"]),
        spark_conf={"spark.kubernetes.executor.request.cores": "100m"},
        options=[from_the_image, *templates],
    )
    took = time.perf_counter() - began
    for made in client.list_sessions():
        client.delete_session(made.name)
    return took


WAYS = {"sparkconnect": ours, "kubeflow SDK 0.5.0": theirs}


def measured(way: str) -> float:
    """Seconds, in a process of its own, with which the port-forward ends that the SDK leaves behind."""
    alone = subprocess.Popen([sys.executable, __file__, way], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert alone.stdout is not None
    try:
        return float(alone.stdout.readline())
    finally:
        os.killpg(alone.pid, signal.SIGKILL)
        alone.wait()


def main(rounds: int) -> None:
    seconds = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way in WAYS:
            seconds[way].append(measured(way))
            print(f"  {way}: {seconds[way][-1]:.2f} s", file=sys.stderr)
    print(f"{'a session':<20} {'median':>8} {'least':>8} {'most':>8}  (seconds, {rounds} rounds)")
    for way, took in seconds.items():
        print(f"{way:<20} {statistics.median(took):8.2f} {min(took):8.2f} {max(took):8.2f}")


if sys.argv[1] in WAYS:
    print(WAYS[sys.argv[1]](), flush=True)
    signal.pause()
else:
    main(int(sys.argv[1]))
