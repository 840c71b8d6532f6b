"""A DataFrame of Python's own data."""

from connection import backend_config
from sparkconnect import SparkClient

sales_data = [
    (1, "Electronics", "Laptop", 1200.00, 2),
    (2, "Electronics", "Mouse", 25.00, 5),
    (3, "Clothing", "Shirt", 35.00, 3),
]

with SparkClient(backend_config=backend_config()) as client:
    with client.create_session(app_name="dataframes") as session:
        df = session.createDataFrame(sales_data, ["id", "category", "product", "price", "quantity"])
        df.show()
        #> +---+-----------+-------+------+--------+
        #> | id|   category|product| price|quantity|
        #> +---+-----------+-------+------+--------+
        #> |  1|Electronics| Laptop|1200.0|       2|
        #> |  2|Electronics|  Mouse|  25.0|       5|
        #> |  3|   Clothing|  Shirt|  35.0|       3|
        #> +---+-----------+-------+------+--------+
