"""A running total by a window."""

from pyspark.sql import functions as F
from pyspark.sql.window import Window

from connection import backend_config
from sparkconnect import SparkClient

sales_data = [
    ("2025-11-18", "Laptop", 1200.00, 2),
    ("2025-11-18", "Shirt", 35.00, 3),
    ("2025-11-19", "Mouse", 25.00, 5),
    ("2025-11-20", "Shirt", 35.00, 1),
]

with SparkClient(backend_config=backend_config()) as client:
    with client.create_session(app_name="windows") as session:
        df = session.createDataFrame(sales_data, ["date", "product", "price", "quantity"])
        revenue_df = df.withColumn("revenue", F.col("price") * F.col("quantity"))

        window_spec = Window.orderBy("date").rowsBetween(Window.unboundedPreceding, Window.currentRow)
        daily_revenue = (
            revenue_df.groupBy("date")
            .agg(F.sum("revenue").alias("daily_revenue"))
            .withColumn("running_total", F.sum("daily_revenue").over(window_spec))
        )
        daily_revenue.orderBy("date").show()
        #> +----------+-------------+-------------+
        #> |      date|daily_revenue|running_total|
        #> +----------+-------------+-------------+
        #> |2025-11-18|       2505.0|       2505.0|
        #> |2025-11-19|        125.0|       2630.0|
        #> |2025-11-20|         35.0|       2665.0|
        #> +----------+-------------+-------------+
