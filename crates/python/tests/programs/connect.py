"""The package against one Spark Connect server, named by CONNECT_URL, CONNECT_TOKEN and UI_ADDRESS."""

import asyncio
import inspect
import os
import tempfile
import time
import unittest
import warnings
from pathlib import Path
from unittest import mock

import pyspark
from pyspark.sql import functions as F
from pyspark.sql.connect.session import SparkSession as NativeSession
from pyspark.sql.window import Window

from sparkconnect import (
    ConnectBackendConfig,
    InvalidInputError,
    ManagedSparkSession,
    NotFoundError,
    SessionState,
    SparkClient,
    SparkConnectError,
    TimedOutError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
    VersionSkewWarning,
)

URL = os.environ["CONNECT_URL"]
TOKEN = os.environ["CONNECT_TOKEN"]
UI_ADDRESS = os.environ["UI_ADDRESS"]
NOWHERE = "127.0.0.1:1"


def config(**more):
    given = {"connect_url": URL, "use_ssl": False, "token": TOKEN, "ui_address": UI_ADDRESS}
    return ConnectBackendConfig(**{**given, **more})


def setUpModule():
    # It has a test of its own.
    warnings.simplefilter("ignore", VersionSkewWarning)


def minor(version):
    return tuple(int(part) for part in version.split(".")[:2])


class Session(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client = SparkClient(backend_config=config())
        cls.session = cls.client.create_session(app_name="demo")
        cls.earlier = minor(cls.session.version) < (4, 0)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()

    def test_it_is_pysparks_own_and_ours(self):
        self.assertIsInstance(self.session, NativeSession)
        self.assertIsInstance(self.session, ManagedSparkSession)
        self.assertIs(self.session.sql.__self__, self.session.native)
        self.assertEqual(self.session.version, self.session.get_info().spark_version)
        self.assertEqual(str(self.session.native._session_id), self.session.session_id)
        self.assertFalse(self.session.is_closed)
        with self.assertRaises(AttributeError):
            self.session.no_such_thing

    def test_dataframes(self):
        sales = [
            (1, "Electronics", "Laptop", 1200.00, 2),
            (2, "Electronics", "Mouse", 25.00, 5),
            (3, "Clothing", "Shirt", 35.00, 3),
        ]
        df = self.session.createDataFrame(sales, ["id", "category", "product", "price", "quantity"])
        revenue = df.withColumn("revenue", F.col("price") * F.col("quantity"))
        stats = revenue.groupBy("category").agg(
            F.sum("revenue").alias("total_revenue"),
            F.avg("price").alias("avg_price"),
            F.count("*").alias("num_transactions"),
        )
        rows = [tuple(row) for row in stats.sort(F.desc("total_revenue")).collect()]
        self.assertEqual(rows, [("Electronics", 2525.0, 612.5, 2), ("Clothing", 105.0, 35.0, 1)])
        window = Window.orderBy("id").rowsBetween(Window.unboundedPreceding, Window.currentRow)
        totals = revenue.withColumn("running_total", F.sum("revenue").over(window)).orderBy("id")
        self.assertEqual([row.running_total for row in totals.collect()], [2400.0, 2525.0, 2630.0])

    def test_files_and_udfs(self):
        with tempfile.TemporaryDirectory() as folder:
            helpers = Path(folder, "helpers.py")
            helpers.write_text("def answer():\n    return 42\n")
            self.session.upload_artifacts(str(helpers))

        def ask(_):
            import helpers

            return helpers.answer()

        row = self.session.range(1).select(F.udf(ask, "int")("id")).first()
        self.assertEqual(row[0], 42)
        metrics = self.session.get_metrics()
        self.assertEqual((metrics.artifacts_uploaded, metrics.sources["artifacts_uploaded"]), (1, "client"))
        with self.assertRaises(InvalidInputError) as refused:
            self.session.upload_artifacts("/nonexistent/helpers.py")
        self.assertIn("/nonexistent/helpers.py", str(refused.exception))

    def test_what_is_told_of_it(self):
        info = self.session.get_info()
        # Spark 3.5 does not tell whether it has a session.
        state = SessionState.UNKNOWN if self.earlier else SessionState.READY
        self.assertEqual((info.app_name, info.state), ("demo", state))
        self.assertEqual(f"{info.state}", state.value)
        self.assertEqual(self.client.get_session_status(self.session.session_id).state, state)
        self.assertIn(self.session.session_id, [s.session_id for s in self.client.list_sessions()])
        shown = self.session._repr_html_()
        self.assertIn(self.session.session_id, shown)
        self.assertNotIn(TOKEN, shown + repr(self.session) + repr(info) + repr(self.client) + repr(config()))

    def test_it_leads_to_the_servers_ui(self):
        self.session.range(1).count()
        for _ in range(300):
            shown = self.session._repr_html_()
            if "Spark UI" in shown:
                break
            time.sleep(0.1)
        self.assertIn(f'<a href="http://{UI_ADDRESS}">', shown)

    def test_it_shows_itself_without_its_server(self):
        with mock.patch.object(self.client, "_counted", side_effect=UnavailableError("the server is gone")):
            shown = self.session._repr_html_()
        self.assertIn(self.session.session_id, shown)
        self.assertIn("the server is gone", shown)

    def test_another_version_of_pyspark_is_told_before_the_first_query(self):
        with SparkClient(backend_config=config()) as client, warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            session = client.create_session(app_name="skewed")
            self.assertEqual(session.range(3).count(), 3)
            told = [warning for warning in told if warning.category is VersionSkewWarning]
            server = session.get_info().spark_version
        if minor(server) == minor(pyspark.__version__):
            self.assertEqual(told, [])
            return
        (warning,) = told
        order = "newer" if minor(pyspark.__version__) > minor(server) else "older"
        self.assertIn(f"PySpark {pyspark.__version__} is {order} than the server's Spark {server}", str(warning.message))
        self.assertEqual(warning.filename, __file__)


class Written(unittest.TestCase):
    def test_methods_show_their_parameters_to_help(self):
        for name, parameter in (
            ("create_session", "spark_conf"),
            ("open_session", "session"),
            ("wait", "app_id"),
            ("get_logs", "tail"),
        ):
            waiting, awaited = getattr(SparkClient, name), getattr(SparkClient, f"{name}_async")
            parameters = inspect.signature(waiting).parameters
            self.assertEqual(parameters, inspect.signature(awaited).parameters)
            self.assertIn(parameter, parameters)
            self.assertNotIn("args", parameters)
            self.assertEqual((waiting.__name__, awaited.__name__), (name, f"{name}_async"))
            self.assertTrue(waiting.__doc__ and awaited.__doc__)


class Life(unittest.TestCase):
    def test_it_ends_with_its_block(self):
        with SparkClient(backend_config=config()) as client:
            with client.create_session(app_name="analysis") as session:
                self.assertEqual(session.sql("SELECT 1 AS id, 'Hello' AS message").collect()[0].message, "Hello")
                kept = session
            self.assertTrue(kept.is_closed)
            kept.close()
            self.assertEqual(client.get_session_status(kept.session_id).state, SessionState.CLOSED)
            self.assertIsNone(NativeSession.getActiveSession())

    def test_one_that_cannot_be_closed_keeps_no_other_open(self):
        client = SparkClient(backend_config=config())
        sessions = [client.create_session(app_name=name) for name in ("one", "two")]
        with mock.patch.object(client, "close_session", side_effect=[UnavailableError("it is gone"), None]) as closing:
            with self.assertRaisesRegex(UnavailableError, "it is gone"):
                client.close()
        self.assertEqual(closing.call_count, 2)
        self.assertEqual([session.is_closed for session in sessions], [False, True])
        client.close()
        client.close_session(sessions[1].session_id)

    def test_one_that_cannot_be_closed_can_be_later(self):
        with SparkClient(backend_config=config()) as client:
            session = client.create_session(app_name="analysis")
            with mock.patch.object(client, "close_session", side_effect=UnavailableError("not now")):
                with self.assertRaisesRegex(UnavailableError, "not now"):
                    session.close()
            self.assertFalse(session.is_closed)
            with mock.patch.object(session.native, "stop") as stopping:
                client.close()
            stopping.assert_not_called()
            self.assertTrue(session.is_closed)
            self.assertEqual(client.get_session_status(session.session_id).state, SessionState.CLOSED)

    def test_one_that_somebody_else_has_ended_is_closed(self):
        with SparkClient(backend_config=config()) as client:
            with mock.patch.object(client, "close_session", side_effect=NotFoundError("there is none")):
                with self.assertRaises(ZeroDivisionError):
                    with client.create_session(app_name="analysis") as session:
                        1 / 0
            self.assertTrue(session.is_closed)
            client.close_session(session.session_id)

    def test_several_at_once_are_apart(self):
        with SparkClient(backend_config=config()) as client:
            one = client.create_session(app_name="analysis-1")
            two = client.create_session(app_name="analysis-2")
            one.range(3).createOrReplaceTempView("mine")
            with self.assertRaises(Exception) as missing:
                two.table("mine").collect()
            self.assertIn("mine", str(missing.exception))
            self.assertEqual(one.sql("SELECT 'one' AS source").collect()[0].source, "one")
            self.assertEqual(two.sql("SELECT 'two' AS source").collect()[0].source, "two")

    def test_one_that_is_opened_is_only_let_go(self):
        with SparkClient(backend_config=config()) as maker, SparkClient(backend_config=config()) as guest:
            made = maker.create_session(app_name="shared")
            made.range(5).createOrReplaceTempView("five")
            opened = guest.open_session(made.session_id)
            self.assertEqual(opened.table("five").count(), 5)
            opened.close()
            self.assertEqual(made.table("five").count(), 5)

    def test_one_that_nobody_gets_is_taken_back(self):
        with SparkClient(backend_config=config()) as client:
            for what, error in (
                # PySpark fails.
                (mock.patch("sparkconnect.session.open_session", side_effect=RuntimeError), RuntimeError),
                # Ctrl-C right when it is there.
                (mock.patch("sparkconnect._tasks.Telling.deliver", side_effect=KeyboardInterrupt), KeyboardInterrupt),
            ):
                with what, self.assertRaises(error):
                    client.create_session(app_name="nobody's")
            self.assertEqual({info.state for info in client.list_sessions()}, {SessionState.CLOSED})

    def test_without_the_servers_numbers_they_are_counted_here(self):
        with SparkClient(backend_config=config(ui_address=NOWHERE)) as client:
            session = client.create_session(app_name="counted")
            session.sql("select 1").collect()
            before = session.get_metrics()
            session.range(10).count()
            with self.assertRaises(Exception):
                session.sql("select raise_error('on purpose')").collect()
            metrics = session.get_metrics()
            self.assertGreater(metrics.queries_executed, before.queries_executed)
            self.assertEqual(metrics.failed_queries, before.failed_queries + 1)
            self.assertEqual(metrics.active_queries, 0)
            self.assertGreater(metrics.execution_time_ms, 0)
            self.assertEqual(set(metrics.sources.values()), {"client"})
            self.assertIsNone(metrics.data_read_bytes)

    def test_in_an_event_loop(self):
        async def both():
            client = SparkClient(backend_config=config())
            names = ["first", "second"]
            sessions = await asyncio.gather(*(client.create_session_async(app_name=name) for name in names))
            apps = [session.app_name for session in sessions]
            await asyncio.to_thread(client.close) if hasattr(asyncio, "to_thread") else client.close()
            return apps

        self.assertEqual(asyncio.run(both()), ["first", "second"])


class Trouble(unittest.TestCase):
    def test_every_error_has_its_kind_and_a_hint(self):
        with SparkClient(backend_config=config()) as client:
            with self.assertRaises(UnsupportedError) as refused:
                client.submit_application("pi", "local:///pi.py")
            self.assertIsInstance(refused.exception, NotImplementedError)
            self.assertIn("operator", str(refused.exception))
            with self.assertRaises(NotFoundError):
                client.get_session_status("6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10")
            with self.assertRaises(InvalidInputError):
                client.get_session_status("no id")
            with self.assertRaises(InvalidInputError) as only:
                client.create_session(app_name="a", server="demo")
            self.assertIn("server", str(only.exception))
        with self.assertRaises(ValueError):
            SparkClient(backend_config=config(connect_url="http://spark"))

    def test_a_wrong_token_is_not_told(self):
        with SparkClient(backend_config=config(token="not-the-token")) as client:
            with SparkClient(backend_config=config()) as other:
                if minor(other.create_session().version) < (4, 0):
                    return  # Spark 3.5 asks for none.
            with self.assertRaises(UnauthenticatedError) as refused:
                client.create_session(app_name="a")
            self.assertNotIn("not-the-token", str(refused.exception))

    def test_waiting_ends_and_says_what_for(self):
        with SparkClient(backend_config=config(connect_url=f"sc://{NOWHERE}")) as client:
            with self.assertRaises(TimedOutError) as late:
                client.create_session(app_name="a", timeout=1)
            self.assertIsInstance(late.exception, TimeoutError)
            self.assertIsInstance(late.exception, SparkConnectError)
            self.assertIn(NOWHERE, str(late.exception))

    def test_an_event_loop_can_give_up(self):
        async def given_up():
            client = SparkClient(backend_config=config(connect_url=f"sc://{NOWHERE}"))
            await asyncio.wait_for(client.create_session_async(app_name="a"), 0.5)

        with self.assertRaises(asyncio.TimeoutError):
            asyncio.run(given_up())


if __name__ == "__main__":
    unittest.main()
