"""Waits for the native module's tasks: in this thread, or in an event loop."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from .errors import from_failure

if TYPE_CHECKING:
    from ._native import Task

_GLANCE = 0.1
"""Seconds after which a signal, such as Ctrl-C, is noticed."""


def run(task: Task) -> Any:
    """What the task comes to. An exception meanwhile, such as Ctrl-C, gives it up."""
    try:
        while not task.wait(_GLANCE):
            pass
    except BaseException:
        task.cancel()
        raise
    return _result(task)


async def arun(task: Task) -> Any:
    """As :func:`run`, without holding up the event loop. Cancelling gives the task up."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def wake() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(done.set)

    task.on_done(wake)
    try:
        await done.wait()
    except BaseException:
        task.cancel()
        raise
    return _result(task)


def _result(task: Task) -> Any:
    outcome = task.outcome()
    assert outcome is not None, "the task is done"
    well, text = outcome
    if not well:
        raise from_failure(text)
    return json.loads(text)
