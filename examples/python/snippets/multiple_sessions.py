"""Several sessions at once, each apart from the others."""

from connection import backend_config
from sparkconnect import SparkClient

with SparkClient(backend_config=backend_config()) as client:
    session1 = client.create_session(app_name="analysis-1")
    session2 = client.create_session(app_name="analysis-2")
    try:
        df1 = session1.sql("SELECT 'session1' AS source")
        df2 = session2.sql("SELECT 'session2' AS source")
        print(df1.collect())
        #> [Row(source='session1')]
        print(df2.collect())
        #> [Row(source='session2')]

        df1.createOrReplaceTempView("mine")
        print(session2.catalog.tableExists("mine"))
        #> False
    finally:
        session1.close()
        session2.close()
