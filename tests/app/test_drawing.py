from __future__ import annotations

import html
import json

import numpy as np
import pytest

from smotext import SMOTExT
from smotext.app import drawing
from smotext.app.between import Line, line_map
from smotext.app.jobs import Job, Task
from smotext.app.review import Entry, Review
from smotext.app.turns import Turns
from smotext.errors import InputError
from tests.app.doubles import CARD, data_of, hostile_table, write_table
from tests.reporting.pages import HOSTILE, Page

SAFE = set(
    "div p b i em small span ol ul li table caption thead tbody tr th td figure figcaption details summary h2 h3 "
    "a".split()
)


def checked(content: str) -> Page:
    """Return the elements, none of which came from a text."""
    page = Page(content)
    assert set(page.names()) <= SAFE
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    return page


def finished(data, label) -> Job:
    task = Task(data.table.texts, data.labels, np.arange(len(data.labels)), label, 3)
    job = Job(task, SMOTExT("echo", random_state=0, k_neighbors=1), Turns()).start()
    assert job.wait(60)
    return job


def test_nothing_in_a_table_becomes_an_element(tmp_path):
    data = data_of(hostile_table(tmp_path))
    job = finished(data, HOSTILE)
    job.found.synthetic["text"] = HOSTILE
    review = Review()
    review.add(job.found, job.task, data)
    line = Line(HOSTILE, "<b>x</b>", {0.0: HOSTILE, 1.0: ""}, {0.0: "copied", 1.0: HOSTILE})
    chart, share = line_map(Line(HOSTILE, "<b>x</b>", {0.5: HOSTILE}), data.texts_of(HOSTILE), job.sampler, job.turns)
    entry = drawing.entry_view(review.entries[0], 1, 1)
    shown = [
        *(drawing.sheet_view(data.sheet), drawing.counts_view(data), drawing.line_view(line, 0.5)),
        *(drawing.progress_view(job), entry, drawing.downloads_view(review, data), drawing.map_view(chart, share, 3)),
        *(drawing.alert(InputError(HOSTILE)), drawing.note(HOSTILE), drawing.review_view(review)),
    ]
    for content in shown:
        checked(content)
    assert HOSTILE in checked(drawing.line_view(line, 0.5)).text
    assert HOSTILE.split(" $1")[0] in checked(entry).text


def test_a_figure_comes_as_data_that_the_pages_script_reads(tmp_path):
    page = checked(drawing.counts_view(data_of(write_table(tmp_path))))
    figure = json.loads(html.unescape(next(attrs["data-figure"] for _, attrs in page.tags if "data-figure" in attrs)))
    assert figure["data"][0]["x"] == [8, 4]
    assert figure["layout"]["yaxis"]["ticktext"] == ["late", "card"]


def test_of_ten_thousand_classes_the_page_lists_some_and_counts_the_others(tmp_path):
    numbers = [str(number) for number in range(10_000)]
    data = data_of(write_table(tmp_path, text=[f"text {number}" for number in numbers], label=numbers))
    content = drawing.counts_view(data)
    assert "9,800 further classes are not listed" in content
    assert len(content) < 50_000


def test_progress_is_told_to_screen_readers_too(tmp_path):
    job = Job(Task(np.array(CARD), np.array(CARD), np.arange(4), "card", 3), SMOTExT("echo"), Turns())
    job._thread.is_alive = lambda: True
    job.progress.step, job.progress.done, job.progress.total = "writing", 3, 12
    page = checked(drawing.progress_view(job, n_waiting=1))
    bar = next(attrs for _, attrs in page.tags if attrs.get("role") == "progressbar")
    assert (bar["aria-valuenow"], bar["aria-valuetext"]) == ("25", "writing: 3 of 12")
    assert "1 other waits" in page.text


def test_how_a_run_ended_is_told_with_its_funnel(tmp_path):
    page = checked(drawing.progress_view(finished(data_of(write_table(tmp_path)), "card")))
    assert "3 of 3 texts are ready. Read them in step 4." in page.text
    assert "another candidate was nearer" in page.text
    failed = finished(data_of(write_table(tmp_path)), "card")
    failed.error = KeyError("x")
    assert "KeyError: 'x'." in checked(drawing.progress_view(failed)).text


def test_only_kept_texts_are_offered(tmp_path):
    data = data_of(write_table(tmp_path))
    review = Review([Entry("card", "a", "a")])
    links = [attrs["href"] for tag, attrs in checked(drawing.downloads_view(review, data)).tags if tag == "a"]
    assert links == ["download/new.csv", "download/new.parquet", "download/all.csv", "download/all.parquet"]
    review.decide(0, is_kept=False)
    assert drawing.downloads_view(review, data) == ""


@pytest.mark.parametrize(
    ("entry", "tag"), [(Entry("c", "a", "b"), "edited"), (Entry("c", "a", "a", "off_label", False), "lost its class")]
)
def test_what_happened_to_a_text_stands_above_it(entry, tag):
    assert tag in checked(drawing.entry_view(entry, 1, 2)).text
