"""What each visitor of the page works on; it is kept on this side, so that a closed tab loses nothing."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smotext.app.between import N_STEPS, Line, check_ends, write_line
from smotext.app.forms import Form
from smotext.app.jobs import Job, Task
from smotext.app.review import Review
from smotext.app.sheets import MOST_TEXTS, Data, Sheet, open_sheet, read_data, working_rows
from smotext.app.turns import Turns
from smotext.data.validation import check_count
from smotext.errors import InputError
from smotext.privacy.privacy_option import is_noisy

MOST_VISITORS = 32
# More texts than these belong on the command line, where a run survives a crash.
MOST_NEW = 1000


@dataclass
class Workspace:
    """What one visitor works on.

    Attributes
    ----------
    sheet, data : the table, before and after its columns were chosen
    line : Line or None
    job : Job or None
        The last run; its texts are in `review` once they were collected.
    review : Review
    """

    form: Form
    turns: Turns
    sheet: Sheet | None = None
    data: Data | None = None
    line: Line | None = None
    job: Job | None = None
    review: Review = field(default_factory=Review)
    is_collected: bool = True
    seen_s: float = 0.0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def is_running(self) -> bool:
        """Whether a run is at work."""
        return self.job is not None and self.job.is_running

    def open(self, path: Path, name: str | None = None, *, separator: str = "", encoding: str = "") -> Sheet:
        """Read the columns of another table."""
        self._check_free()
        sheet = open_sheet(path, name, separator=separator or None, encoding=encoding or None)
        self.sheet, self.data, self.line = sheet, None, None
        return sheet

    def use(self, text_column: str, label_column: str) -> Data:
        """Read the texts and classes in the chosen columns."""
        if self.sheet is None:
            raise InputError("no table is open: choose a file first")
        self._check_free()
        self.data = read_data(self.sheet, text_column, label_column)
        self.line = None
        return self.data

    def reread(self) -> Sheet:
        """Read the table again, which may have changed."""
        if self.sheet is None:
            raise InputError("no table is open: choose a file first")
        sheet = self.sheet
        return self.open(sheet.path, sheet.name, separator=sheet.separator or "", encoding=sheet.encoding or "")

    def write_between(self, first: str, second: str, lam: float | None, values: Mapping[str, Any]) -> Line:
        """Write what lies between two texts: all steps, or one text at `lam`, beside those of the same two texts."""
        check_ends(first, second)
        lams = [1 - step / (N_STEPS - 1) for step in range(N_STEPS)] if lam is None else [lam]
        is_same = self.line is not None and (self.line.first, self.line.second) == (first, second)
        line = self.line if is_same and lam is not None and self.line is not None else Line(first, second)
        write_line(line, lams, self.form.sampler(values), self.turns)
        self.line = line
        return line

    def begin(self, label: str, n: int, values: Mapping[str, Any]) -> Job:
        """Begin to write new texts of a class.

        Raises
        ------
        InputError
            If a run is at work, the file has changed, or something that was chosen cannot be used.
        """
        with self._lock:
            if self.is_running:
                raise InputError("a run is at work: wait for it, or stop it")
            if self.data is None:
                raise InputError("no table is open: choose a file and its columns in step 1")
            self.collect()
            self.data.sheet.check_unchanged()
            check_count("the number of new texts", n, f"a whole number from 1 to {MOST_NEW:,}")
            if n > MOST_NEW:
                raise InputError(
                    f"{n:,} texts are asked for: at most {MOST_NEW:,} here; for more, use the command line"
                )
            wanted = self.data.label_of(label)
            sampler = self.form.sampler(values, self.data.labels)
            if is_noisy(sampler.settings().privacy) and len(self.data.labels) > MOST_TEXTS:
                raise InputError(
                    f"the page works with {MOST_TEXTS:,} texts of a table, and which of a larger one these are depends "
                    "on its rows, which privacy 'dp' hides: use smotext augment, which works with all"
                )
            rows = working_rows(self.data, wanted, MOST_TEXTS)
            task = Task(self.data.table.texts[rows], self.data.labels[rows], rows, wanted, int(n))
            spent = 0.0 if self.job is None else self.job.spent
            self.job = Job(task, sampler, self.turns, spent=spent).start()
            self.is_collected = False
            return self.job

    def collect(self) -> int:
        """Put what a run that has ended wrote among the texts to review, once; return how many came in."""
        with self._lock:
            if self.job is None or self.job.is_running or self.is_collected or self.data is None:
                return 0
            self.is_collected = True
            return 0 if self.job.found is None else self.review.add(self.job.found, self.job.task, self.data)

    def discard(self) -> None:
        """Forget all texts that were written."""
        self.review = Review()

    def _check_free(self) -> None:
        """Raise InputError while another table would take away what was written from this one."""
        self.collect()
        if self.is_running:
            raise InputError("a run is at work: wait for it, or stop it, before another table is opened")
        if n := len(self.review.entries):
            texts = "1 text of the present table is" if n == 1 else f"{n:,} texts of the present table are"
            raise InputError(f"{texts} in step 4, and would be lost: download what you need and discard them first")


class Visitors:
    """The workspaces by the token that each visitor's browser keeps.

    Parameters
    ----------
    form : Form
    first : Sheet, optional
        The table that everybody begins with.
    columns : (str, str), optional
        Its columns of texts and classes, where they are known.
    """

    def __init__(self, form: Form, first: Sheet | None = None, columns: tuple[str, str] | None = None) -> None:
        self.form, self.first, self.columns = form, first, columns
        self.turns = Turns()
        self._lock = threading.Lock()
        self._known: dict[str, Workspace] = {}

    def welcome(self, token: str | None) -> str:
        """Return the token of a visitor: the one that is known here, or a new one."""
        with self._lock:
            if token in self._known:
                return str(token)
            self._make_way()
            token = secrets.token_urlsafe(24)
            self._known[token] = self._begin()
            return token

    def of(self, token: str | None) -> Workspace:
        """Return a visitor's workspace.

        Raises
        ------
        InputError
            If the visitor is not known, as after the program was started anew.
        """
        with self._lock:
            workspace = self._known.get(token or "")
            if workspace is None:
                raise InputError("the page is of an earlier start of smotext app: load it again")
            workspace.seen_s = time.monotonic()
            return workspace

    def stop(self, timeout_s: float = 5.0) -> None:
        """Stop all runs, and wait for those at work."""
        jobs = [one.job for one in self._known.values() if one.job is not None and one.job.is_running]
        for job in jobs:
            job.stop()
        end_s = time.monotonic() + timeout_s
        for job in jobs:
            job.wait(max(0.0, end_s - time.monotonic()))

    def _begin(self) -> Workspace:
        workspace = Workspace(self.form, self.turns, self.first, seen_s=time.monotonic())
        if self.first is not None and self.columns is not None:
            # Where the file has changed since the program began, the page comes up and offers to read it again.
            with contextlib.suppress(InputError):
                workspace.use(*self.columns)
        return workspace

    def _make_way(self) -> None:
        """Forget the visitor that was not seen for longest and has nothing to lose, where there are too many."""
        idle = {token: one for token, one in self._known.items() if not one.is_running and not one.review.entries}
        if len(self._known) >= MOST_VISITORS:
            if not idle:
                raise InputError(f"{MOST_VISITORS} visitors are at work: wait until one has left")
            del self._known[min(idle, key=lambda token: idle[token].seen_s)]
