"""Shows what is waited for: one line on a terminal, one cell in a notebook, nothing elsewhere."""

from __future__ import annotations

import sys
from typing import Any, Callable, Optional, Union

from .models import Progress, table

ProgressOption = Union[None, bool, Callable[[Progress], None]]


def teller(option: ProgressOption) -> Optional[Callable[[Progress], None]]:
    """Who is told: the callable given; with ``True`` or ``None`` a person, where one looks; with ``False`` nobody."""
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
    ipython = sys.modules.get("IPython")
    shell: Any = None if ipython is None else ipython.get_ipython()
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


def _line(progress: Progress) -> None:
    print(f"{progress.subject}: {progress.state} {progress.message}".rstrip(), file=sys.stderr, flush=True)


class _Cell:
    def __init__(self) -> None:
        self._display: Any = None

    def __call__(self, progress: Progress) -> None:
        from IPython.display import HTML, display

        shown = HTML(table([("waiting for", progress.subject), ("state", progress.state), ("", progress.message)]))
        if self._display is None:
            self._display = display(shown, display_id=True)
        else:
            self._display.update(shown)
