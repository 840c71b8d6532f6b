"""How a program ends, and what becomes of its sessions: CONNECT_URL and CONNECT_TOKEN name the server."""

import os
import subprocess
import sys
import textwrap
import unittest

from sparkconnect import ConnectBackendConfig, EndedError, SparkClient

CONFIG = ConnectBackendConfig(
    connect_url=os.environ["CONNECT_URL"], use_ssl=False, token=os.environ["CONNECT_TOKEN"]
)
BEGINNING = """
import os, sys
from sparkconnect import ConnectBackendConfig, SparkClient

config = ConnectBackendConfig(
    connect_url=os.environ["CONNECT_URL"], use_ssl=False, token=os.environ["CONNECT_TOKEN"]
)
"""
MADE = """
session = SparkClient(backend_config=config).create_session(app_name="left open")
session.sql("select 1").collect()
print(session.session_id, flush=True)
"""
PATIENCE = 180


class Ends(unittest.TestCase):
    def setUp(self):
        self.client = SparkClient(backend_config=CONFIG)
        self.addCleanup(self.client.close)

    def program(self, text, expected_code=0):
        """The ids that a program printed, and what it said on standard error."""
        program = [sys.executable, "-W", "ignore", "-c", BEGINNING + textwrap.dedent(text)]
        ended = subprocess.run(program, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(ended.returncode, expected_code, ended.stderr)
        return ended.stdout.split(), ended.stderr

    def assert_gone(self, session_id):
        with self.assertRaises(EndedError):
            self.client.open_session(session_id)

    def test_at_the_end_of_the_program(self):
        (session_id,), errors = self.program(MADE)
        self.assert_gone(session_id)
        self.assertEqual(errors, "")

    def test_on_an_exception(self):
        (session_id,), errors = self.program(MADE + "raise RuntimeError('it went wrong')", expected_code=1)
        self.assert_gone(session_id)
        self.assertIn("it went wrong", errors)

    def test_on_sys_exit(self):
        (session_id,), _ = self.program(MADE + "sys.exit(7)", expected_code=7)
        self.assert_gone(session_id)

    def test_several_that_nobody_holds_any_more(self):
        ids, _ = self.program(
            """
            import gc

            def make(name):
                client = SparkClient(backend_config=config)
                print(client.create_session(app_name=name).session_id)

            make("one")
            make("two")
            gc.collect()
            """
        )
        self.assertEqual(len(ids), 2)
        for session_id in ids:
            self.assert_gone(session_id)

    def test_one_that_was_opened_stays(self):
        made = self.client.create_session(app_name="of this program")
        made.range(5).createOrReplaceTempView("five")
        opening = f"""
            session = SparkClient(backend_config=config).open_session("{made.session_id}")
            assert session.table("five").count() == 5
            """
        self.program(opening)
        self.assertEqual(made.table("five").count(), 5)

    def test_right_after_a_thread_of_ours_was_in_python(self):
        waiting = """
            import asyncio

            client = SparkClient(ConnectBackendConfig("sc://127.0.0.1:1", use_ssl=False))
            try:
                asyncio.run(client.create_session_async(timeout=0.01))
            except TimeoutError:
                pass
            """
        # Without care one in five or so is ended by the interpreter.
        for _ in range(20):
            self.program(waiting)

    def test_the_end_of_a_child_by_fork_is_not_its_parents(self):
        forking = """
            session = SparkClient(backend_config=config).create_session(app_name="parent's")
            child = os.fork()
            if child == 0:
                sys.exit(0)
            assert os.waitpid(child, 0)[1] == 0
            assert session.sql("select 1 as one").first().one == 1
            print(session.session_id)
            """
        (session_id,), errors = self.program(forking)
        self.assertNotIn("was not closed", errors)
        self.assert_gone(session_id)

    def test_a_child_by_fork_needs_a_client_of_its_own(self):
        forking = """
            from sparkconnect import InvalidInputError

            client = SparkClient(backend_config=config)
            session = client.create_session(app_name="parent's")
            child = os.fork()
            if child == 0:
                for use in (client.list_sessions, client.create_session, client.close, session.get_info, session.close):
                    try:
                        use()
                    except InvalidInputError as refused:
                        assert "was made before a fork" in str(refused)
                    else:
                        raise AssertionError(f"{use} did not refuse")
                print(repr(client), repr(session), file=sys.stderr)
                assert SparkClient(backend_config=config).list_sessions() == []
                with client, session:
                    sys.exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
            assert session.sql("select 1 as one").first().one == 1
            print(session.session_id)
            """
        (session_id,), errors = self.program(forking)
        self.assertIn("<SparkClient over the connect back end>", errors)
        self.assertIn("open>", errors)
        self.assert_gone(session_id)

    def test_one_that_could_not_be_closed_is_tried_again(self):
        trying = """
            from unittest import mock

            from sparkconnect import UnavailableError

            client = SparkClient(backend_config=config)
            with mock.patch.object(client, "close_session", side_effect=UnavailableError("not now")):
                try:
                    with client.create_session(app_name="left open") as session:
                        print(session.session_id)
                except UnavailableError:
                    pass
            """
        (session_id,), errors = self.program(trying)
        self.assert_gone(session_id)
        self.assertEqual(errors, "")


if __name__ == "__main__":
    unittest.main()
