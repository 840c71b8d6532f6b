"""A session handed to whatever of PySpark takes one, or finds it by itself: CONNECT_URL and CONNECT_TOKEN name the server."""

import copy
import os
import pickle
import tempfile
import threading
import unittest

import pyspark
from pyspark import inheritable_thread_target
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.session import SparkSession as NativeSession

from sparkconnect import ConnectBackendConfig, ManagedSparkSession, SparkClient

VERSION = tuple(int(part) for part in pyspark.__version__.split(".")[:2])
CONFIG = ConnectBackendConfig(
    connect_url=os.environ["CONNECT_URL"], use_ssl=False, token=os.environ["CONNECT_TOKEN"]
)


class Handing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client = SparkClient(backend_config=CONFIG)
        cls.session = cls.client.create_session(app_name="handed", spark_conf={"spark.sql.ansi.enabled": "false"})

    @classmethod
    def tearDownClass(cls):
        cls.client.close()

    def test_it_is_the_active_one(self):
        native = self.session.native
        self.assertIs(NativeSession.getActiveSession(), native)
        self.assertIs(NativeSession.active(), native)
        self.assertIs(SparkSession.active(), native)
        self.assertIs(self.session.range(1).sparkSession, native)

    def test_every_part_of_it_is_there(self):
        for name in ("sql", "read", "readStream", "streams", "catalog", "conf", "udf", "udtf", "client", "createDataFrame"):
            self.assertIn(name, dir(self.session))
            self.assertEqual(type(getattr(self.session, name)), type(getattr(self.session.native, name)))
        for own in ("get_metrics", "get_info", "upload_artifacts", "native", "close"):
            self.assertIn(own, dir(self.session))
        self.assertIsInstance(self.session, (NativeSession, ManagedSparkSession))
        # PySpark has other things under these names.
        self.assertIs(self.session._client, self.session.native._client)
        self.session.conf.set("spark.sql.shuffle.partitions", "3")
        self.assertEqual(self.session.native.conf.get("spark.sql.shuffle.partitions"), "3")
        self.session.udf.register("plus_one", lambda number: number + 1, "int")
        self.assertEqual(self.session.sql("select plus_one(41) as answer").first().answer, 42)
        self.session.range(2).createOrReplaceTempView("two")
        self.assertIn("two", [table.name for table in self.session.catalog.listTables()])
        stream = self.session.readStream.format("rate").load().writeStream.format("memory").queryName("rates").start()
        self.assertIn(stream.id, [active.id for active in self.session.streams.active])
        stream.stop()

    def test_a_dataframe_is_made_with_it(self):
        plan = self.session.range(3)._plan
        made = DataFrame(plan, self.session) if VERSION >= (4, 0) else DataFrame.withPlan(plan, self.session)
        self.assertEqual(made.count(), 3)

    def test_pandas_on_spark_finds_it(self):
        if VERSION < (4, 0):
            return  # That of 3.5 cannot be imported with the NumPy that the others are tested with.
        import pyspark.pandas as ps

        self.assertEqual(int(ps.DataFrame({"a": [1, 2, 3]}).a.sum()), 6)
        self.assertEqual(self.session.range(4).pandas_api().id.tolist(), [0, 1, 2, 3])
        self.assertEqual(len(ps.range(5)), 5)
        with ps.option_context("compute.ops_on_diff_frames", True):
            self.assertEqual((ps.Series([1]) + ps.Series([2])).tolist(), [3])
        before = ps.options.display.max_rows
        if VERSION >= (4, 1):
            ps.set_option("display.max_rows", 7, spark_session=self.session)
            self.assertEqual(ps.get_option("display.max_rows", spark_session=self.session), 7)
            ps.reset_option("display.max_rows", spark_session=self.session)
        self.assertEqual(ps.options.display.max_rows, before)

    def test_machine_learning(self):
        if VERSION < (4, 0):
            return  # Over Connect it came with 4.0.
        from pyspark.ml import Pipeline, PipelineModel
        from pyspark.ml.feature import VectorAssembler
        from pyspark.ml.regression import LinearRegression

        rows = self.session.createDataFrame([(float(x), 2.0 * x + 1) for x in range(10)], ["x", "label"])
        stages = [VectorAssembler(inputCols=["x"], outputCol="features"), LinearRegression()]
        model = Pipeline(stages=stages).fit(rows)
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/model"
            model.write().session(self.session).save(path)
            loaded = PipelineModel.read().session(self.session).load(path)
        asked = self.session.createDataFrame([(20.0,)], ["x"])
        self.assertAlmostEqual(loaded.transform(asked).first().prediction, 41.0, places=3)

    def test_another_thread_inherits_it(self):
        if VERSION < (4, 0):
            return  # There it takes no session.
        found = []

        @inheritable_thread_target(self.session)
        def count():
            found.append(NativeSession.active().sql("select 1 as one").first().one)

        thread = threading.Thread(target=count)
        thread.start()
        thread.join()
        self.assertEqual(found, [1])

    def test_it_stays_where_it_is(self):
        for live in (self.session, self.client):
            for away in (pickle.dumps, copy.copy, copy.deepcopy):
                with self.assertRaisesRegex(TypeError, "cannot be pickled"):
                    away(live)
        session = self.session
        with self.assertRaisesRegex(Exception, "ManagedSparkSession cannot be pickled"):
            session.range(1).select(F.udf(lambda _: str(session), "string")("id")).collect()


if __name__ == "__main__":
    unittest.main()
