"""Runs a program on a terminal of its own, answers each of its prompts with the next line of standard input, and prints what it shows.
Arguments: the program and its arguments. The exit code is the program's."""

import os
import pty
import re
import select
import sys

PATIENCE = 120  # seconds without a sign of life
PROMPT = re.compile(rb"In \[\d+\]: |>>> ")

answers = [line.encode() for line in sys.stdin]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
shown, asked = b"", 0
while True:
    if not select.select([terminal], [], [], PATIENCE)[0]:
        sys.exit(f"nothing more came after {shown!r}")
    try:
        more = os.read(terminal, 4096)
    except OSError:  # the other side is closed
        break
    shown += more
    # A prompt is drawn anew while it is written to: only what comes behind an answer counts.
    if answers and (found := PROMPT.search(shown, asked)) and shown.rstrip().endswith(found.group().rstrip()):
        asked = len(shown)
        os.write(terminal, answers.pop(0))
os.write(1, shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
