"""Client and session in `with` blocks: the session ends with its block, whatever happens in it."""

from connection import backend_config
from sparkconnect import SparkClient

with SparkClient(backend_config=backend_config()) as client:
    with client.create_session(app_name="analysis") as session:
        sales = session.createDataFrame([("Laptop", 1200.0), ("Mouse", 25.0)], ["product", "amount"])
        sales.createOrReplaceTempView("sales")

        df = session.sql("SELECT * FROM sales")
        result = df.filter(df.amount > 100).collect()
        print(result)
        #> [Row(product='Laptop', amount=1200.0)]
    print("closed:", session.is_closed)
    #> closed: True
