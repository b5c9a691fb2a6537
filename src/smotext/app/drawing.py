"""What the page shows, as HTML: every text from a table or a model goes through :func:`html.escape`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape

from smotext.app.between import NAMES, Line
from smotext.app.jobs import Job, spell_failure
from smotext.app.review import Entry, Review
from smotext.app.sheets import Data, Sheet, in_the_page
from smotext.reporting.charts import REAL_COLOUR, Chart, ChartSeries, bars
from smotext.reporting.run_page import STEPS
from smotext.settings import UNFINISHED

# So many classes are in the figure.
MOST_DRAWN = 12
# And so many in the table under it.
_MOST_LISTED = 200
_LONGEST_CELL = 160
_REASONS = {"copied": "it copies one of the two", "empty": "no words were written", UNFINISHED: "it came to no end"}


def alert(error: Exception | str) -> str:
    """Return what went wrong, for eyes and screen readers."""
    message = in_the_page(error if isinstance(error, str) else spell_failure(error))
    return f'<p class="sx-alert" role="alert">{escape(_sentence(message))}</p>'


def note(*messages: str) -> str:
    """Return lines to be read by the way; nothing where there are none."""
    lines = "".join(f"<p>{escape(_sentence(message))}</p>" for message in messages)
    return f'<div class="sx-note" role="status">{lines}</div>' if lines else ""


def figure(chart: Chart, caption: str = "", *, has_panel: bool = False) -> str:
    """Return a place in which the page's script draws a figure."""
    told = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    panel = (
        '<p class="sx-reading" aria-live="polite">Point at a text, or tap it, to read it here.</p>' if has_panel else ""
    )
    data = escape(json.dumps(chart.drawn(), ensure_ascii=False, allow_nan=False))
    return (
        f'<figure>{told}<div class="sx-chart" role="img" aria-label="{escape(chart.label)}" data-figure="{data}" '
        f'style="min-height:{chart.height}px"></div>{panel}</figure>'
    )


def table(
    caption: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[str] = ()
) -> str:
    """Return a table that scrolls sideways where it is too wide."""
    kinds = ['class="number"' if name in numbers else "" for name in columns]
    heads = "".join(f'<th scope="col" {kind}>{escape(name)}</th>' for name, kind in zip(columns, kinds, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f"<td {kind}>{escape(str(cell))}</td>" for cell, kind in zip(row, kinds, strict=True))
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="sx-table" role="group" tabindex="0" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def sheet_view(sheet: Sheet | None) -> str:
    """Return the first rows of a table."""
    if sheet is None:
        return ""
    rows = [[_clipped(cell, _LONGEST_CELL) for cell in row] for row in sheet.preview]
    caption = f"{sheet.name}: {sheet.n_rows:,} rows, of which the first {len(rows)}"
    return table(caption, sheet.columns, rows)


def counts_view(data: Data | None) -> str:
    """Return the rows of each class, the largest first."""
    if data is None:
        return ""
    ranked = sorted(data.counts.items(), key=lambda item: -item[1])
    drawn = ranked if len(ranked) <= MOST_DRAWN else [*ranked[: MOST_DRAWN // 2], *ranked[-MOST_DRAWN // 2 :]]
    left_out = len(ranked) - len(drawn)
    caption = f"{len(data.labels):,} rows in {len(ranked):,} {'class' if len(ranked) == 1 else 'classes'}."
    caption += f" The largest and the smallest are drawn, {left_out:,} between them are not." if left_out else ""
    series = [ChartSeries("rows", [number for _, number in drawn], REAL_COLOUR)]
    chart = bars("classes", "Rows of each class", [str(label) for label, _ in drawn], series, axis="rows")
    listed = table("Rows of each class", ("class", "rows"), ranked[:_MOST_LISTED], numbers=("rows",))
    more = (
        f"<p>{len(ranked) - _MOST_LISTED:,} further classes are not listed.</p>" if len(ranked) > _MOST_LISTED else ""
    )
    return f"{note(*data.notes)}{figure(chart, caption)}<details><summary>The numbers</summary>{listed}{more}</details>"


def line_view(line: Line | None, lam: float) -> str:
    """Return the texts along a line, that nearest to `lam` marked."""
    if line is None:
        return '<p class="sx-soft">Nothing is written yet.</p>'
    here = line.nearest(lam)
    items = []
    for step in sorted(line.texts, reverse=True):
        doubt = line.doubtful.get(step)
        why = f" <small>({escape(_REASONS.get(doubt, doubt))})</small>" if doubt else ""
        current = ' aria-current="true"' if step == here else ""
        text = escape(line.texts[step]) or "<em>nothing</em>"
        items.append(f'<li{current}><b class="sx-lam">lam {step:.2f}</b><span>{text}{why}</span></li>')
    return f'<ol class="sx-line" aria-label="Texts from the first to the second">{"".join(items)}</ol>'


def map_view(chart: Chart, share: float, n_around: int) -> str:
    """Return the map of a line."""
    around = f", among {n_around:,} {NAMES['class']}" if n_around else ""
    caption = (
        f"Your two texts and what was written between them{around}. Points that lie together are alike in meaning; the "
        f"map holds {100 * share:.0f} % of the spread, so that distances are rough."
    )
    return figure(chart, caption, has_panel=True)


def progress_view(job: Job | None, n_waiting: int = 0) -> str:
    """Return how far a run is, or how it ended."""
    if job is None:
        return ""
    if not job.is_running:
        return _ending(job)
    progress = job.progress
    known = progress.total > 0
    percent = min(100, round(100 * progress.done / progress.total)) if known else 0
    told = f"{progress.step}: {progress.done:,} of {progress.total:,}" if known else progress.step
    state = (
        f'aria-valuenow="{percent}" aria-valuetext="{escape(told)}"' if known else f'aria-valuetext="{escape(told)}"'
    )
    waiting = f" · {n_waiting} {'other waits' if n_waiting == 1 else 'others wait'} for the model" if n_waiting else ""
    stopping = " · stopping after this piece" if job.is_stopped else ""
    latest = "".join(f"<li>{escape(_clipped(text, 400))}</li>" for text in [*progress.latest][::-1] if text.strip())
    drafts = f'<h3>Written just now</h3><ul class="sx-drafts">{latest}</ul>' if latest else ""
    return (
        f'<div class="sx-progress{"" if known else " sx-unknown"}" role="progressbar" aria-label="The run" '
        f'aria-valuemin="0" aria-valuemax="100" {state}><i style="width:{percent}%"></i></div>'
        f'<p class="sx-soft">{escape(_sentence(told))[:-1]} · {_span(job.elapsed_s)}{waiting}{stopping}</p>{drafts}'
    )


def _ending(job: Job) -> str:
    if job.error is not None:
        return alert(job.error) + _notes(job)
    if job.found is None:
        return note("Stopped before anything was written.")
    n_kept, n_asked = len(job.found.synthetic), job.task.n
    how = "Stopped" if job.is_stopped else "Done"
    head = f"{how} after {_span(job.elapsed_s)}: {n_kept:,} of {n_asked:,} texts are ready. Read them in step 4."
    promises = note(*job.promises) if job.promises else ""
    return note(head) + promises + _notes(job) + _funnel(job)


def _notes(job: Job) -> str:
    return note(*job.notes) if job.notes else ""


def _funnel(job: Job) -> str:
    """Return what became of all drafts: how many fell to which filter."""
    assert job.found is not None
    steps = [(str(step), int(number)) for step, number in job.found.funnel.values.tolist()]
    shown = [(step, number) for step, number in steps if number or step == "accepted"]
    if len(shown) <= 2:
        return ""
    names = [STEPS.get(step, step) for step, _ in shown]
    kinds = {"written": "--soft", "candidate": "--others", "accepted": "--synthetic", "filled": "--unsure"}
    series = [ChartSeries("drafts", [number for _, number in shown])]
    chart = bars("funnel", "What became of every draft", names, series, axis="drafts")
    chart.data[0]["marker"]["color"] = [kinds.get(step, "--bad") for step, _ in shown]
    listed = table("What became of every draft", ("step", "drafts"), zip(names, (n for _, n in shown), strict=True),
                   numbers=("drafts",))  # fmt: skip
    caption = "What became of every draft that was written: several are written per text, and the nearest is kept."
    return f"{figure(chart, caption)}<details><summary>The numbers</summary>{listed}</details>"


def entry_view(entry: Entry, number: int, n_all: int) -> str:
    """Return what stands above a text that is reviewed."""
    marks = []
    if entry.reason:
        marks.append(f'<span class="sx-tag sx-warn">{escape(STEPS.get(entry.reason, entry.reason))}</span>')
    if entry.is_edited:
        marks.append('<span class="sx-tag">edited</span>')
    parents = "".join(f"<li><b>{weight:.2f}</b> {escape(_clipped(text, 300))}</li>" for weight, text in entry.parents)
    made = f"<details><summary>Made from</summary><ul>{parents}</ul></details>" if parents else ""
    state = "kept" if entry.is_kept else "dropped"
    return (
        f'<div class="sx-entry sx-{state}"><b>{number} of {n_all:,}</b> <span class="sx-tag sx-class">'
        f'{escape(str(entry.label))}</span> <span class="sx-tag">{state}</span> {" ".join(marks)}{made}</div>'
    )


def review_view(review: Review) -> str:
    """Return how many texts there are, or what to do to have some."""
    counts = review.counts()
    if not counts:
        return '<p class="sx-soft">No texts yet: have some written in step 3.</p>'
    return (
        f'<p role="status"><b>{counts["kept"]:,}</b> kept, <b>{counts["dropped"]:,}</b> dropped. '
        "What filters rejected is dropped to begin with; keep it if you know better.</p>"
    )


def downloads_view(review: Review, data: Data | None) -> str:
    """Return links to the files, once a text is kept."""
    if data is None or not review.counts()["kept"]:
        return ""
    rows, offered = [], [("new", "New texts only"), ("all", "My rows and the new texts")]
    if review.has_noisy:
        # Beside the rows that they hide, noisy texts are worth nothing.
        offered = offered[:1]
    for which, words in offered:
        links = " ".join(
            f'<a class="sx-button" href="download/{which}.{kind}" download>{name}'
            f'<span class="sx-hidden"> of {words.lower()}</span></a>'
            for kind, name in (("csv", "CSV"), ("parquet", "Parquet"))
        )
        rows.append(f"<li><span>{words}</span> {links}</li>")
    told = "In CSV, cells that a spreadsheet would take for a formula begin with an apostrophe."
    return f'<h2>Download</h2><ul class="sx-downloads">{"".join(rows)}</ul><p class="sx-soft">{told}</p>'


def _sentence(message: str) -> str:
    message = message.strip()
    message = f"{message[:1].upper()}{message[1:]}"
    return message if message.endswith((".", "!", "?", "…")) else f"{message}."


def _clipped(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
