"""Groups, and several sums of each."""

from pyspark.sql import functions as F

from connection import backend_config
from sparkconnect import SparkClient

sales_data = [
    (1, "Electronics", "Laptop", 1200.00, 2),
    (2, "Electronics", "Mouse", 25.00, 5),
    (3, "Clothing", "Shirt", 35.00, 3),
]

with SparkClient(backend_config=backend_config()) as client:
    with client.create_session(app_name="aggregations") as session:
        df = session.createDataFrame(sales_data, ["id", "category", "product", "price", "quantity"])
        revenue_df = df.withColumn("revenue", F.col("price") * F.col("quantity"))

        category_stats = revenue_df.groupBy("category").agg(
            F.sum("revenue").alias("total_revenue"),
            F.avg("price").alias("avg_price"),
            F.count("*").alias("num_transactions"),
        )
        category_stats.orderBy("category").show()
        #> +-----------+-------------+---------+----------------+
        #> |   category|total_revenue|avg_price|num_transactions|
        #> +-----------+-------------+---------+----------------+
        #> |   Clothing|        105.0|     35.0|               1|
        #> |Electronics|       2525.0|    612.5|               2|
        #> +-----------+-------------+---------+----------------+

        category_stats.orderBy(F.desc("total_revenue")).show()
        #> +-----------+-------------+---------+----------------+
        #> |   category|total_revenue|avg_price|num_transactions|
        #> +-----------+-------------+---------+----------------+
        #> |Electronics|       2525.0|    612.5|               2|
        #> |   Clothing|        105.0|     35.0|               1|
        #> +-----------+-------------+---------+----------------+
