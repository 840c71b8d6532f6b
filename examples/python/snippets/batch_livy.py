"""A batch job by Livy: LIVY_URL says where it is, LIVY_USER and LIVY_PASSWORD who asks, where it wants to know. Argument: the program, by a
path or URL that Livy's server reads, such as Spark's own example pi.py."""

import os
import sys

from sparkconnect import GatewayBackendConfig, SparkClient

config = GatewayBackendConfig(
    url=os.environ.get("LIVY_URL", "http://localhost:8998"),
    user=os.environ.get("LIVY_USER"),
    password=os.environ.get("LIVY_PASSWORD"),
)

with SparkClient(backend_config=config) as client:
    job = client.submit_application("batch-job", sys.argv[1], arguments=["10"])

    # The driver's log, until the job has ended.
    for line in client.get_logs(job.submission_id, follow=True):
        if line.startswith("Pi is"):
            print(line)
            #> Pi is roughly 3.…

    ended = client.wait(job.submission_id)
    print(f"{ended.name}: {ended.state}")
    #> batch-job: succeeded
    client.delete_application(job.submission_id)
