"""Kubeflow's own SDK reads what this client submitted: KUBECONFIG leads to an API server with kubeflow's definitions, where NAMESPACE is.
No operator runs: STATUS_COMMAND is a kubectl that tells what one would."""

import json
import os
import shlex
import subprocess

from kubeflow.common.types import KubernetesBackendConfig
from kubeflow.spark import SparkClient as KubeflowClient
from kubeflow.spark import SparkJobStatus

from sparkconnect import ApplicationState, NotFoundError, OperatorBackendConfig, SparkClient

NAMESPACE = os.environ["NAMESPACE"]


def tell(state):
    status = {
        "applicationState": {"state": state},
        "driverInfo": {"podName": "pi-driver"},
        "lastSubmissionAttemptTime": None,
        "terminationTime": None,
    }
    patch = ["--patch", json.dumps({"status": status})]
    subprocess.run([*shlex.split(os.environ["STATUS_COMMAND"]), *patch], check=True, stdout=subprocess.DEVNULL)


ours = SparkClient(OperatorBackendConfig(namespace=NAMESPACE, operator="kubeflow", kubeconfig=os.environ["KUBECONFIG"]))
theirs = KubeflowClient(KubernetesBackendConfig(namespace=NAMESPACE, config_file=os.environ["KUBECONFIG"]))

submitted = ours.submit_application(
    "pi",
    "local:///opt/spark/examples/src/main/python/pi.py",
    arguments=["10"],
    spark_version="4.1.4",
    image="registry.example/spark:4.1.4",
    driver_cores=1,
    driver_memory="1g",
    num_executors=3,
    executor_memory="2g",
    spark_conf={"spark.ui.enabled": "false"},
    labels={"team": "data"},
)
job = theirs.get_job("pi")
assert (job.name, job.namespace, job.num_executors) == ("pi", NAMESPACE, 3), job
assert job.status == SparkJobStatus.CREATED, job
assert job.creation_timestamp is not None, job
assert [job.name for job in theirs.list_jobs()] == ["pi"]

for state, seen, known in (
    ("RUNNING", SparkJobStatus.RUNNING, ApplicationState.RUNNING),
    ("COMPLETED", SparkJobStatus.COMPLETED, ApplicationState.SUCCEEDED),
):
    tell(state)
    job = theirs.get_job("pi")
    assert (job.status, job.driver_pod_name) == (seen, "pi-driver"), job
    assert ours.get_status("pi").state == known
assert theirs.wait_for_job_status("pi", timeout=60).status == SparkJobStatus.COMPLETED

theirs.delete_job("pi")
try:
    left = ours.get_status("pi")
except NotFoundError:
    pass
else:
    raise AssertionError(f"kubeflow's SDK deleted it, but {left}")
