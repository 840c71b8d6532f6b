"""What a back end cannot do raises an error that names those that can. It is a NotImplementedError too."""

from connection import backend_config
from sparkconnect import SparkClient

with SparkClient(backend_config=backend_config()) as client:
    try:
        client.submit_application("batch-job", "local:///opt/spark/examples/src/main/python/pi.py")
    except NotImplementedError as error:
        print(error)
        #> the … back end …
        #> hint: …operator…
