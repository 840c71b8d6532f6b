"""A session through a port that kubectl forwards, where Python may not ask the API server itself. For the SparkSession `ada`:

kubectl port-forward --namespace sparkconnect-system service/sparkconnect-gateway 30000:443 &
kubectl get secret ada-connection --output=go-template='{{index .data "ca.crt" | base64decode}}' >ca.crt
export SPARK_CA=ca.crt
export SPARK_TOKEN=$(kubectl get secret ada-connection --output=go-template='{{.data.token | base64decode}}')
export SPARK_SESSION=$(kubectl get sparksession ada --output=jsonpath='{.status.sessionId}')
"""

import os

from sparkconnect import ConnectBackendConfig, SparkClient

config = ConnectBackendConfig(
    connect_url=os.environ.get("SPARK_REMOTE", "sc://localhost:30000"),
    token=os.environ["SPARK_TOKEN"],
    ca=os.environ["SPARK_CA"],
    # The certificate is of the gateway's own name, not of this host's.
    server_name="sparkconnect-gateway.sparkconnect-system.svc",
)

with SparkClient(backend_config=config) as client:
    session = client.open_session(os.environ["SPARK_SESSION"])
    print(session.range(1000).count())
    #> 1000
    # Opened, not made: closing lets go of it, and the SparkSession lives on.
    session.close()
