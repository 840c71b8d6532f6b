"""Batch jobs by the Livy at LIVY_URL, of programs in the folder FILES."""

import asyncio
import os
import unittest
from pathlib import Path

from sparkconnect import (
    ApplicationState,
    EndedError,
    GatewayBackendConfig,
    InvalidInputError,
    NotFoundError,
    SparkClient,
    TimedOutError,
    UnavailableError,
    UnsupportedError,
)

URL = os.environ["LIVY_URL"]
PATIENCE = 300
COUNTING = """
import sys
from pyspark.sql import SparkSession
print("rows", SparkSession.builder.getOrCreate().range(10).count(), sys.argv[1:])
"""


def config(**more):
    return GatewayBackendConfig(**{"url": URL, "timeout": PATIENCE, **more})


def program(name, text):
    path = Path(os.environ["FILES"], f"{name}.py")
    path.write_text(text)
    return str(path)


class Batches(unittest.TestCase):
    def setUp(self):
        self.client = SparkClient(backend_config=config())

    def test_one_that_succeeds(self):
        self.assertEqual(self.client.backend, "livy")
        told = []
        submitted = self.client.submit_application(
            "counts", program("counts", COUNTING), arguments=["a 'b'"], executor_memory="700m"
        )
        self.assertEqual(submitted.name, "counts")
        ended = self.client.wait(submitted.id, timeout=PATIENCE, progress=told.append)
        self.assertEqual((ended.state, ended.peer_state), (ApplicationState.SUCCEEDED, "success"))
        self.assertTrue(ended.state.is_final)
        self.assertIn("counts", ended._repr_html_())
        self.assertEqual(told[-1].state, "success")
        self.assertIn(submitted.id, told[-1].subject)
        lines = list(self.client.get_logs(submitted.id))
        self.assertIn("rows 10 [\"a 'b'\"]", lines)
        self.assertEqual(list(self.client.get_logs(submitted.id, tail=2)), lines[-2:])
        self.assertIn(ended, self.client.list_applications())
        self.client.delete_application(submitted.id)
        for gone in (self.client.get_status, self.client.delete_application):
            with self.assertRaises(NotFoundError):
                gone(submitted.id)

    def test_one_that_fails_in_an_event_loop(self):
        async def followed():
            submitted = self.client.submit_application("fails", program("fails", "raise SystemExit('it went wrong')"))
            lines = [line async for line in self.client.get_logs_async(submitted.id, follow=True)]
            return await self.client.wait_async(submitted.id, timeout=PATIENCE), lines

        ended, lines = asyncio.run(followed())
        self.assertEqual((ended.state, ended.peer_state), (ApplicationState.FAILED, "dead"))
        self.assertIn("it went wrong", lines)

    def test_one_that_is_cancelled(self):
        endless = program("endless", "import time\nprint('at work', flush=True)\ntime.sleep(3600)")
        submitted = self.client.submit_application("endless", endless)
        lines = self.client.get_logs(submitted.id, follow=True)
        self.assertIn("at work", lines)
        child = os.fork()
        if child == 0:
            try:
                list(lines)
            except InvalidInputError:
                os._exit(7)
            finally:
                os._exit(1)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 7)
        self.assertEqual(self.client.get_status("endless").state, ApplicationState.RUNNING)
        with self.assertRaises(ZeroDivisionError):
            self.client.wait("endless", timeout=PATIENCE, progress=lambda _: 1 / 0)
        with self.assertRaisesRegex(TimedOutError, "running"):
            self.client.wait("endless", timeout=0)
        self.client.delete_application("endless")
        with self.assertRaises(EndedError):
            list(lines)

    def test_what_livy_cannot_do(self):
        with self.assertRaisesRegex(UnsupportedError, "session, connect"):
            self.client.create_session(app_name="a")
        with self.assertRaises(UnsupportedError):
            self.client.suspend_application("a")
        with self.assertRaisesRegex(InvalidInputError, "retries"):
            self.client.submit_application("a", "a.py", retries=3)
        with self.assertRaisesRegex(InvalidInputError, "executor.instances: .*expected u32"):
            self.client.submit_application("a", "a.py", num_executors="three")


class Configuration(unittest.TestCase):
    def test_secrets_do_not_show(self):
        hidden = config(user="ada", password="hidden", headers={"X-Key": "hidden"})
        self.assertNotIn("hidden", repr(hidden) + repr(SparkClient(backend_config=hidden)))
        for wrong in ({"password": 12345}, {"headers": {"X-Key": 12345}}):
            with self.assertRaisesRegex(InvalidInputError, f"{list(wrong)[0]}.*must be text") as refused:
                SparkClient(backend_config=config(user="ada", **wrong))
            self.assertNotIn("12345", str(refused.exception))

    def test_what_does_not_go_together_is_refused(self):
        for wrong, said in (
            ({"user": "ada"}, "only one is given"),
            ({"password": "hidden"}, "only one is given"),
            ({"url": "livy:8998"}, "http"),
            ({"url": "http://far.example", "user": "ada", "password": "hidden"}, "in the clear"),
            ({"ca": "/nonexistent/ca.pem"}, "/nonexistent/ca.pem"),
            ({"timeout": -1}, "timeout"),
        ):
            with self.assertRaisesRegex(InvalidInputError, said) as refused:
                SparkClient(backend_config=config(**wrong))
            self.assertNotIn("hidden", str(refused.exception))

    def test_nobody_there(self):
        with self.assertRaisesRegex(UnavailableError, "127.0.0.1:1"):
            SparkClient(backend_config=config(url="http://127.0.0.1:1")).list_applications()


if __name__ == "__main__":
    unittest.main()
