"""Shows what is waited for: a line for each change on a terminal, one cell in a notebook, nothing elsewhere."""

from __future__ import annotations

import sys
from typing import Any, Callable, Optional, Union

from .models import Progress, table

ProgressOption = Union[None, bool, Callable[[Progress], None]]
"""Who is told of progress: a callable, a person (``True``), nobody (``False``), or a person where one looks (``None``)."""


def teller(option: ProgressOption) -> Optional[Callable[[Progress], None]]:
    """Who is told."""
    if option is False:
        return None
    if callable(option):
        return option
    if _in_notebook():
        return _Cell()
    if option is True or sys.stderr.isatty():
        return _line
    return None


def _in_notebook() -> bool:
    ipython: Any = sys.modules.get("IPython")
    shell: Any = None if ipython is None else ipython.get_ipython()
    # Some services have a kernel of their own, with a shell made from this one.
    return any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__)


def _line(progress: Progress) -> None:
    print(f"{progress.subject}: {progress.state} {progress.message}".rstrip(), file=sys.stderr, flush=True)


class _Cell:
    def __init__(self) -> None:
        self._display: Any = None

    def __call__(self, progress: Progress) -> None:
        import IPython.display

        shown = table([("waiting for", progress.subject), ("state", progress.state), ("", progress.message)])
        display: Any = IPython.display
        if self._display is None:
            self._display = display.display(display.HTML(shown), display_id=True)
        else:
            self._display.update(display.HTML(shown))
