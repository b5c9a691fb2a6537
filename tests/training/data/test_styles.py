"""Ways of writing that a group of passages shares."""

from __future__ import annotations

import re

import numpy as np

from smotext.training.data.styles import restyled

TEXTS = [f"The {noun} was delayed again because of the storm" for noun in ("flight", "train", "ferry", "coach") * 4]


def handles_of(texts: list[str]) -> set[str]:
    return {match[0].lower() for text in texts for match in re.finditer(r"[@#]\w+", text)}


def test_handles_and_tags_are_words_of_the_group_and_few_for_all_its_texts() -> None:
    names = re.compile(r"(flight|train|ferry|coach|delayed|again|because|storm|[_\d])+")
    n_groups = 0
    for seed in range(60):
        found = handles_of(restyled(TEXTS, np.random.default_rng(seed)))
        assert len(found) <= 7, "at most three handles and four tags"
        assert all(names.fullmatch(name[1:]) for name in found), found
        n_groups += bool(found)
    assert n_groups > 10


def test_a_group_without_words_has_a_style_too() -> None:
    assert len(restyled(["1", "22", "?"], np.random.default_rng(0))) == 3


def test_a_style_is_the_same_for_the_same_generator() -> None:
    one, other = (restyled(TEXTS, np.random.default_rng(5)) for _ in range(2))
    assert one == other != TEXTS
