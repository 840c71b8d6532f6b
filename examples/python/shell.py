"""A shell with a session in it: `spark` (`session` is the same) and `client` are at hand, and `step()` shows and runs the tutorial.

IPython where it is installed, else Python's own shell. From a pipe it runs what it reads: echo 'spark.range(3).show()' | python shell.py
connection.py says where it connects to.
"""

import code
import sys
from pathlib import Path

TUTORIAL = Path(__file__).with_name("tutorial.py")

BANNER = """\
{session!r} on Spark {session.version}
spark, session   the session: what PySpark's can do, and get_info, get_metrics, upload_artifacts, close
client           list_sessions, create_session and all else
step()           shows the next step of the tutorial and runs it; {left} of them
The session ends with this shell."""


class Tutorial:
    """The cells of tutorial.py, run in the shell's own names."""

    def __init__(self, names):
        self.names = names
        self.cells = TUTORIAL.read_text().split("# %% ")[1:]

    def run(self):
        exec(compile(self.cells.pop(0).partition("\n")[2], TUTORIAL.name, "exec"), self.names)

    def step(self):
        """Shows the next step of the tutorial and runs it."""
        if not self.cells:
            print("That was the last step.")
            return
        print(self.cells[0].rstrip(), end="\n\n")
        self.run()


def interact(names, banner):
    if not sys.stdin.isatty():
        exec(compile(sys.stdin.read(), "<stdin>", "exec"), names)
        return
    try:
        from IPython import start_ipython
    except ImportError:
        code.interact(banner, local=names, exitmsg="")
        return
    print(banner)
    start_ipython(argv=["--no-banner", "--no-confirm-exit"], user_ns=names)


def main():
    names = {"__name__": "__main__"}
    tutorial = Tutorial(names)
    # The first two steps are a client and a session, and so the shell has them.
    tutorial.run()
    with names["client"]:
        tutorial.run()
        names.update(spark=names["session"], step=tutorial.step)
        interact(names, BANNER.format(session=names["session"], left=len(tutorial.cells)))


if __name__ == "__main__":
    main()
