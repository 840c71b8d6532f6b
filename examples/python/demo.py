"""The demo: what a session can do, step by step, by itself. connection.py says where it connects to."""

from pyspark.sql import functions as F
from pyspark.sql.window import Window

from connection import backend_config
from sparkconnect import SparkClient

SALES = [
    ("2025-11-18", "Electronics", "Laptop", 1200.00, 2),
    ("2025-11-18", "Clothing", "Shirt", 35.00, 3),
    ("2025-11-19", "Electronics", "Mouse", 25.00, 5),
]


def query(session):
    print("1. A query")
    session.sql("SELECT 1 AS id, 'Hello' AS message").show()


def dataframe(session):
    print("2. A DataFrame of Python's own data")
    df = session.createDataFrame(SALES, ["date", "category", "product", "price", "quantity"])
    revenue = df.withColumn("revenue", F.col("price") * F.col("quantity"))
    revenue.show()
    return revenue


def aggregation(revenue):
    print("3. Revenue by category")
    total = F.sum("revenue").alias("total_revenue")
    revenue.groupBy("category").agg(total, F.avg("price").alias("avg_price")).orderBy(F.desc("total_revenue")).show()


def window(revenue):
    print("4. A running total by day")
    daily = revenue.groupBy("date").agg(F.sum("revenue").alias("daily_revenue"))
    days = Window.orderBy("date").rowsBetween(Window.unboundedPreceding, Window.currentRow)
    daily.withColumn("running_total", F.sum("daily_revenue").over(days)).orderBy("date").show()


def function(session):
    print("5. A Python function, run where the executors are")

    @F.udf("string")
    def parity(number):
        return "even" if number % 2 == 0 else "odd"

    session.range(10).groupBy(parity("id").alias("parity")).count().orderBy("parity").show()


def management(client, session):
    print("6. Sessions, and what they did")
    with client.create_session(app_name="another"):
        states = {s.app_name: f"{s.state}" for s in client.list_sessions()}
        print(f"demo: {states['demo']}, another: {states['another']}")
    metrics = session.get_metrics()
    print(f"Queries executed: {metrics.queries_executed}, failed: {metrics.failed_queries}")


def main():
    with SparkClient(backend_config=backend_config()) as client:
        with client.create_session(app_name="demo") as session:
            query(session)
            revenue = dataframe(session)
            aggregation(revenue)
            window(revenue)
            function(session)
            management(client, session)
    print(f"The session is closed: {session.is_closed}")


if __name__ == "__main__":
    main()

# It prints:
#> 1. A query
#> +---+-------+
#> | id|message|
#> +---+-------+
#> |  1|  Hello|
#> +---+-------+
#> 2. A DataFrame of Python's own data
#> +----------+-----------+-------+------+--------+-------+
#> |      date|   category|product| price|quantity|revenue|
#> +----------+-----------+-------+------+--------+-------+
#> |2025-11-18|Electronics| Laptop|1200.0|       2| 2400.0|
#> |2025-11-18|   Clothing|  Shirt|  35.0|       3|  105.0|
#> |2025-11-19|Electronics|  Mouse|  25.0|       5|  125.0|
#> +----------+-----------+-------+------+--------+-------+
#> 3. Revenue by category
#> +-----------+-------------+---------+
#> |   category|total_revenue|avg_price|
#> +-----------+-------------+---------+
#> |Electronics|       2525.0|    612.5|
#> |   Clothing|        105.0|     35.0|
#> +-----------+-------------+---------+
#> 4. A running total by day
#> +----------+-------------+-------------+
#> |      date|daily_revenue|running_total|
#> +----------+-------------+-------------+
#> |2025-11-18|       2505.0|       2505.0|
#> |2025-11-19|        125.0|       2630.0|
#> +----------+-------------+-------------+
#> 5. A Python function, run where the executors are
#> +------+-----+
#> |parity|count|
#> +------+-----+
#> |  even|    5|
#> |   odd|    5|
#> +------+-----+
#> 6. Sessions, and what they did
#> demo: ready, another: ready
#> Queries executed: …, failed: 0
#> The session is closed: True
