"""A batch job by the Spark operator of the cluster, kubeflow's or Apache's, in the namespace of the current context. Its ServiceAccount
`spark` may make pods there. SPARK_IMAGE may name another image than Spark's own; argument: another program than Spark's own example, as a
path in the image or a URL."""

import os
import sys
import time

from sparkconnect import OperatorBackendConfig, SparkClient

VERSION = "4.1.4"
PI = "local:///opt/spark/examples/src/main/python/pi.py"


def with_executors(client, submission_id):
    """Waits until it has executors; they have logs as long as it runs."""
    while True:
        job = client.get_status(submission_id)
        if job.executors or job.state.is_final:
            return job
        time.sleep(1)


config = OperatorBackendConfig()

with SparkClient(backend_config=config) as client:
    job = client.submit_application(
        app_name="batch-job",
        main_application_file=sys.argv[1] if len(sys.argv) > 1 else PI,
        arguments=["200"],
        spark_version=VERSION,
        image=os.environ.get("SPARK_IMAGE", f"apache/spark:{VERSION}"),
        service_account="spark",
        driver_memory="512m",
        num_executors=1,
        executor_memory="512m",
        spark_conf={
            "spark.kubernetes.driver.request.cores": "100m",
            "spark.kubernetes.executor.request.cores": "100m",
        },
    )
    print(with_executors(client, job.submission_id).state)
    #> running

    for line in client.get_logs(job.submission_id, executor_id="1", follow=True):
        if "Running task 0.0" in line:
            print("executor:", line)
            #> executor: …Running task 0.0 in stage 0.0…

    for line in client.get_logs(job.submission_id, follow=True):
        if line.startswith("Pi is"):
            print("driver:", line)
            #> driver: Pi is roughly 3.…

    ended = client.wait(job.submission_id)
    print(f"{ended.name}: {ended.state}")
    #> batch-job: succeeded
    client.delete_application(job.submission_id)
