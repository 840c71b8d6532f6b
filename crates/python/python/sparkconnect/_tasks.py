"""Waits for the native module's tasks: in this thread, or in an event loop."""

from __future__ import annotations

import inspect
import json
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Callable, Generic, Optional, TypeVar

from ._progress import ProgressOption, teller
from .errors import from_failure
from .models import Progress

if TYPE_CHECKING:
    from typing_extensions import ParamSpec

    from ._native import Task

    P = ParamSpec("P")

T = TypeVar("T")

_GLANCE = 0.1
"""Seconds after which a signal, such as Ctrl-C, or progress is noticed."""


class Telling:
    """Progress on its way from the native module's threads to the one that waits: whoever is told, is told there."""

    def __init__(self, option: ProgressOption) -> None:
        self._tell = teller(option)
        self._news: SimpleQueue[str] = SimpleQueue()
        self._wake: Callable[[], None] = _nothing

    @property
    def callback(self) -> Optional[Callable[[str], None]]:
        """What the native module tells, as JSON; ``None`` where nobody listens."""
        return None if self._tell is None else self._put

    def wakes(self, wake: Callable[[], None]) -> None:
        """``wake`` is called, in any thread, when there is something to deliver."""
        self._wake = wake

    def deliver(self) -> None:
        """Tells in this thread what has come."""
        while self._tell is not None and not self._news.empty():
            self._tell(Progress(**json.loads(self._news.get())))

    def _put(self, text: str) -> None:
        self._news.put(text)
        self._wake()


class Begun(Generic[T]):
    """An operation under way, and the shape that what it comes to is given."""

    def __init__(
        self,
        task: Task,
        shape: Callable[[Any], T],
        telling: Optional[Telling] = None,
        undo: Callable[[Any], None] = lambda came: None,
    ) -> None:
        self._task = task
        self._shape = shape
        self._telling = telling or Telling(False)
        self._undo = undo

    def wait(self) -> T:
        """What it comes to. An exception meanwhile, such as Ctrl-C, gives it up."""
        try:
            while not self._task.wait(_GLANCE):
                self._telling.deliver()
            self._telling.deliver()
        except BaseException:
            self._give_up()
            raise
        return self._result()

    async def wait_async(self) -> T:
        """As :meth:`wait`, without holding up the event loop. Cancelling gives it up."""
        # It takes as long to import as all the rest of this package, and most programs have no event loop.
        import asyncio

        loop = asyncio.get_running_loop()
        news = asyncio.Event()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(news.set)

        self._telling.wakes(wake)
        self._task.on_done(wake)
        try:
            while True:
                done = self._task.outcome() is not None
                self._telling.deliver()
                if done:
                    break
                await news.wait()
                news.clear()
        except BaseException:
            self._give_up()
            raise
        return self._result()

    def _give_up(self) -> None:
        self._task.cancel()
        outcome = self._task.outcome()
        if outcome is not None and outcome[0]:
            self._undo(json.loads(outcome[1]))

    def _result(self) -> T:
        outcome = self._task.outcome()
        assert outcome is not None, "the task is done"
        well, text = outcome
        if not well:
            raise from_failure(text)
        return self._shape(json.loads(text))


def parameters_of(one: Callable[P, Any]) -> Callable[[Callable[..., T]], Callable[P, T]]:
    """Gives a method the parameters of another, which has them written out, for type checkers, editors and ``help``."""

    def decorate(method: Callable[..., T]) -> Callable[P, T]:
        own = inspect.signature(method)
        shown = inspect.signature(one).replace(return_annotation=own.return_annotation)
        setattr(method, "__signature__", shown)
        return method

    return decorate


def _nothing() -> None:
    pass
