"""Where the examples connect to, said once.

With SPARK_REMOTE in the environment: that Spark Connect URL, as in sc://localhost:15002/;use_ssl=false. SPARK_CA may name the file with the
certificate of the authority that vouches for its server.

Without it: sessions on the server `spark-connect`, which setup.sh makes, in the namespace of kubectl's current context.
"""

import os

from sparkconnect import ConnectBackendConfig, SessionBackendConfig


def backend_config():
    url = os.environ.get("SPARK_REMOTE")
    if url is None:
        return SessionBackendConfig(server="spark-connect")
    return ConnectBackendConfig(connect_url=url, ca=os.environ.get("SPARK_CA"))
