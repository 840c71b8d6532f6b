"""A notebook in a kernel of its own: what it shows of sessions and of waiting. CONNECT_URL and CONNECT_TOKEN name a Spark Connect server,
LIVY_URL a Livy, FILES a folder that it may run programs of."""

import os
import unittest
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from sparkconnect import ConnectBackendConfig, EndedError, SparkClient

CONFIG = 'ConnectBackendConfig(connect_url=os.environ["CONNECT_URL"], use_ssl=False, token=os.environ["CONNECT_TOKEN"])'
PROGRAM = Path(os.environ["FILES"], "of_a_notebook.py")
CELLS = (
    "import os\nfrom sparkconnect import *\n",
    f'client = SparkClient({CONFIG})\nsession = client.create_session("of a notebook")\nsession',
    "session.sql('select 1 as one, 2 as two').toPandas()",
    "print(session.session_id)",
    "session.get_info()",
    "session.get_metrics()",
    'jobs = SparkClient(GatewayBackendConfig(os.environ["LIVY_URL"], timeout=300))\n'
    f'job = jobs.submit_application("of-a-notebook", "{PROGRAM}")',
    "ended = jobs.wait(job.id)",
    "await jobs.wait_async(job.id)",
    'again = await client.create_session_async("awaited")\nagain.close()\nagain',
)


class Notebook(unittest.TestCase):
    def test_what_it_shows(self):
        PROGRAM.write_text("print('done')\n")
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
        NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
        shown = [[self.text(output) for output in cell.outputs] for cell in notebook.cells]
        _, session, table, (session_id,), (info,), (metrics,), submitted, waited, awaited, again = shown
        session_id = session_id.strip()

        self.assertEqual(len(session), 1, session)
        for part in ("<table>", session_id, "of a notebook", "open", "artifacts uploaded"):
            self.assertIn(part, session[0])
        self.assertIn("two", table[-1])
        self.assertIn("ready", info)
        self.assertIn("<th>session id</th>", metrics)
        self.assertEqual(submitted, [])
        # One cell, which what follows is written over.
        self.assertEqual(len(waited), 1, waited)
        self.assertRegex(waited[0], "<table>.*waiting for.*application.*success")
        self.assertEqual(len(awaited), 2, awaited)
        self.assertIn("waiting for", awaited[0])
        self.assertIn("succeeded", awaited[1])
        self.assertIn("closed", again[-1])
        self.assertNotIn(os.environ["CONNECT_TOKEN"], str(shown))

        # The kernel has ended.
        with self.assertRaises(EndedError):
            SparkClient(
                ConnectBackendConfig(os.environ["CONNECT_URL"], use_ssl=False, token=os.environ["CONNECT_TOKEN"])
            ).open_session(session_id)

    def text(self, output):
        self.assertNotEqual(output.output_type, "error", output)
        if output.output_type == "stream":
            return output.text
        return output.data.get("text/html", output.data["text/plain"])


if __name__ == "__main__":
    unittest.main()
