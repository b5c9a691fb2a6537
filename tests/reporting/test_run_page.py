from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from smotext import HashEncoder
from smotext.errors import InputError
from smotext.reporting.page import MAX_BYTES
from smotext.reporting.run_facts import class_counts, funnel_steps
from smotext.reporting.run_page import run_page
from tests.reporting.pages import HOSTILE, Page, tables

REAL = ["the parcel never came", "my card was charged twice", "where is the parcel"]


def small(**columns):
    texts = ["a parcel came late", "two parcels came", "a card was lost"]
    labels = ["late", "late", "card"]
    return tables(texts, labels, real=REAL, real_labels=["late", "card", "late"], **columns)


def encode(texts):
    return HashEncoder().encode(list(texts))


def chart_data(page: Page) -> dict:
    return {chart["name"]: chart for chart in json.loads(page.scripts[0])}


def test_the_page_loads_nothing_and_is_well_formed_with_unique_names():
    content = run_page(small(), encode=encode)
    page = Page(content)
    assert page.loaded(content) == []
    assert len(page.values("id")) == len(set(page.values("id")))
    assert set(page.values("href")) <= {f"#{name}" for name in page.values("id")}
    assert page.values("lang") == ["en"]
    policy = next(value for value in page.values("content") if "default-src" in value)
    assert policy.startswith("default-src 'none'")
    assert "script-src 'sha256-" in policy
    assert len(content.encode()) < MAX_BYTES


def test_a_page_shows_synthetic_texts_and_no_real_one():
    content = run_page(small(), encode=encode)
    assert "a parcel came late" in Page(content).text
    assert not any(text in content for text in REAL)
    assert "0.25" not in Page(content).text
    assert "Private." not in content


def test_a_private_page_says_so_and_shows_parents_and_lam():
    page = Page(run_page(small(), encode=encode, is_private=True))
    assert "Private." in page.text
    assert "lam 0.25, made from" in page.text
    assert "0.75 · my card was charged twice" in page.text
    assert any("where is the parcel" in text for trace in chart_data(page)["map"]["data"] for text in trace["texts"])


def test_the_map_of_a_public_page_is_fitted_on_synthetic_texts_alone():
    seen = []

    def listening(texts):
        seen.append(list(texts))
        return encode(texts)

    run_page(small(nearest_real_cosine=[0.5, 0.6, 0.7]), encode=listening)
    assert seen == [["a parcel came late", "two parcels came", "a card was lost"]]


def test_hostile_texts_and_classes_are_shown_as_text():
    found = tables([HOSTILE] * 4, [HOSTILE] * 4, real=[HOSTILE] * 2, real_labels=[HOSTILE] * 2)
    for is_private in (False, True):
        page = Page(run_page(found, encode=encode, is_private=is_private))
        assert "img" not in page.names()
        assert page.names().count("script") == 4
        assert HOSTILE in page.text
        assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
        assert "<" not in page.scripts[0]
        assert all("<" not in one for one in chart_data(page)["classes"]["layout"]["yaxis"]["ticktext"])


def test_counts_before_and_after_are_those_of_the_run():
    found = {one.label: (one.before, one.synthetic, one.after) for one in class_counts(small())}
    assert found == {"late": (2, 2, 4), "card": (1, 1, 2)}


def test_the_funnel_ends_at_what_was_kept():
    made = small()
    rejected = made.synthetic.assign(accepted=False, reason=["short", "candidate", "short"])
    found = replace(made, rejected=rejected)
    assert funnel_steps(found) == [("written", 6), ("short", 2), ("candidate", 1), ("accepted", 3), ("filled", 0)]
    page = Page(run_page(found))
    assert "too short" in page.text
    assert chart_data(page)["funnel"]["data"][0]["x"] == [6, 2, 1, 3]


def test_a_large_run_with_costly_texts_stays_under_the_limit():
    texts = [f"{number} " + "<&>" * 200 for number in range(4000)]
    found = tables(texts, ["a"] * 4000, real=REAL, real_labels=["a"] * 3)
    vectors = np.random.default_rng(0).normal(size=(4000, 4)).astype(np.float32)
    content = run_page(found, encode=lambda texts: vectors[: len(texts)])
    assert len(content.encode()) < MAX_BYTES
    assert "drawn evenly by class" in content


def test_ten_thousand_classes_make_a_page_that_can_be_read():
    labels = [f"class {number}" for number in range(10_000)]
    content = run_page(tables(["one text"] * 10_000, labels, real=REAL, real_labels=labels[:3]), encode=encode)
    assert len(content.encode()) < MAX_BYTES
    page = Page(content)
    assert len(chart_data(page)["classes"]["layout"]["yaxis"]["ticktext"]) == 31
    assert "9992 further classes are not shown" in page.text


@pytest.mark.parametrize("n", [0, 1, 2])
def test_a_run_of_no_or_few_texts_has_a_page(n):
    found = tables(["a text", "a text"][:n], ["a", "a"][:n], real=REAL, real_labels=["a"] * 3)
    assert f"{n} synthetic text" in Page(run_page(found, encode=encode)).text


def test_without_an_encoder_the_page_says_why_it_has_no_map():
    page = Page(run_page(small(), why_no_map="the model <x> is not here."))
    assert "No map: the model <x> is not here." in page.text
    assert "map" not in chart_data(page)


def test_a_private_page_needs_the_rows_that_its_lineage_names():
    with pytest.raises(InputError, match="the lineage names row 2 as a parent, and out.csv has 1 real rows"):
        run_page(tables(["a"], ["a"], real=REAL[:1], real_labels=["a"]), is_private=True)
    with pytest.raises(InputError, match="holds no real rows, which private=True shows"):
        run_page(tables(["a"], ["a"]), is_private=True)


def test_what_was_done_is_told():
    page = Page(run_page(small()))
    for part in ("smotext augment in.csv -o out.csv", "hash-64", "echo-1", "seed"):
        assert part in page.text


def test_scores_that_are_not_known_take_no_part():
    found = small(target_cosine=[np.nan, 0.5, 0.5], spelling_score=pd.Series([np.nan] * 3))
    text = Page(run_page(replace(found, real_texts=[], real_labels=[]))).text
    assert "0.50 / 0.50 / 0.50" in text
    assert "spelling, as the real texts spell" not in text


def test_fluency_is_told_beside_that_of_the_real_texts_whatever_filters_were_asked():
    text = Page(run_page(small())).text
    assert "spelling, as the real texts spell; more is better" in text
    assert "the same of real texts, each scored by the others" in text
