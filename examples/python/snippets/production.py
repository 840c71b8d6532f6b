"""A program in a cluster, through the gateway: TLS, and a token that its environment holds.

SPARK_REMOTE    the gateway and the server: sc://sparkconnect-gateway.sparkconnect-system.svc:443/;x-sparkconnect-server=NAME.NAMESPACE
SPARK_TOKEN     a token of the pod's ServiceAccount for the audience `sparkconnect`, or one of an OpenID Connect issuer
SPARK_CA        file with the certificate of the authority that vouches for the gateway's; without it, those of the system do
"""

import os

from sparkconnect import ConnectBackendConfig, SparkClient

config = ConnectBackendConfig(
    connect_url=os.environ["SPARK_REMOTE"],
    use_ssl=True,
    token=os.environ["SPARK_TOKEN"],
    ca=os.environ.get("SPARK_CA"),
)

with SparkClient(backend_config=config) as client:
    with client.create_session(app_name="production") as session:
        print(session.range(1000).count())
        #> 1000
