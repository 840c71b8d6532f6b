"""Runs the command in its arguments until it ends or until standard input does, whichever comes first: a server thus never
outlives the test process that holds the other end of the pipe, however that process ended. Orphans of the command (Python
workers of a JVM) are ended with it."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

PR_SET_CHILD_SUBREAPER = 36
PATIENCE = 10


def end(process):
    sys.stdin.buffer.read()
    process.terminate()
    time.sleep(PATIENCE)
    process.kill()


def children():
    with open(f"/proc/self/task/{os.getpid()}/children") as listing:
        return [int(pid) for pid in listing.read().split()]


def end_orphans():
    while pids := children():
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
threading.Thread(target=end, args=[process], daemon=True).start()
status = process.wait()
end_orphans()
os._exit(status if status >= 0 else 128 - status)
