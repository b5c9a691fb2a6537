"""Judging rounds of rows, screening plans, and candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from smotext.encoders.hashing import HashEncoder
from smotext.errors import InputError
from smotext.filters import Judge, OffLabel, PlainFilter, RealTexts, make_judge
from smotext.filters.candidates import NOT_NEAREST, best_candidates
from smotext.filters.judge import SCREENING_TRIES
from smotext.mixing.plan import MixPlan, replace_rows, with_candidates
from smotext.mixing.planning import Planner
from smotext.settings import UNFINISHED
from smotext.utils.seeding import row_seeds

ENCODER = HashEncoder(32)
BAD = [
    f"the parcel {verb} {when}" for verb in ("is late", "was lost", "came broken") for when in ("again", "today", "now")
]
GOOD = [
    f"i love this phone {why}" for why in ("so much", "it is quick", "and the screen", "and the sound", "every day")
]


def real_texts() -> RealTexts:
    texts = BAD + GOOD
    return RealTexts(texts, np.array(["bad"] * len(BAD) + ["good"] * len(GOOD), dtype=object), ENCODER.encode(texts))


def plan_of(n_rows: int, label: str = "bad", **parts: Any) -> MixPlan:
    zeros = np.zeros(n_rows, dtype=np.int64)
    made: dict[str, Any] = {
        "labels": np.array([label] * n_rows, dtype=object),
        "ordinals": np.arange(n_rows),
        "attempts": zeros,
        "candidates": zeros,
        "parents": np.tile([0, 1], (n_rows, 1)),
        "weights": np.full((n_rows, 2), 0.5),
        "seeds": row_seeds(0, label, np.arange(n_rows)),
        "strategies": np.array(["smote"] * n_rows, dtype=object),
    }
    return MixPlan(**(made | parts))


def rows_of(plan: MixPlan, texts: Sequence[str]) -> pd.DataFrame:
    keys = zip(plan.labels, plan.ordinals, plan.attempts, plan.candidates, strict=True)
    return pd.DataFrame(
        {
            "text": list(texts),
            "label": plan.labels,
            "key": ["/".join(map(str, key)) for key in keys],
            "is_finished": True,
            "accepted": True,
            "reason": "",
        }
    )


def ask_for(texts: Sequence[str]) -> Any:
    """Return targets that are the given texts' own vectors, by ordinal."""
    vectors = ENCODER.encode(list(texts))
    return lambda plan: vectors[plan.ordinals]


class Silent:
    """An encoder that must not be asked."""

    def encode(self, texts: list[str]) -> np.ndarray:
        raise AssertionError("encoded")


def test_without_filters_only_the_guards_judge_and_nothing_is_encoded() -> None:
    plan, texts = plan_of(3), ["", "fresh words", BAD[0].upper()]
    found = make_judge(None, real_texts(), Silent()).score(rows_of(plan, texts), plan, ask_for(["a", "b", "c"]))
    assert found["reason"].tolist() == ["empty", "", "copied"]
    assert found["accepted"].tolist() == [False, True, False]
    assert found["text"].tolist() == texts
    assert "target_cosine" not in found


def test_without_guards_and_filters_rows_pass_untouched() -> None:
    plan = plan_of(2)
    rows = rows_of(plan, ["", "x"])
    assert Judge([], Silent()).score(rows, plan, ask_for(["a", "b"])) is rows


LONG = "yesterday the driver left our parcel in the rain behind the garage"


@pytest.mark.parametrize("filters", [None, [], ["short"], "default", ["duplicate"]])
@pytest.mark.parametrize("n_candidates", [1, 2])
def test_a_near_copy_falls_whatever_the_filters(filters: Any, n_candidates: int) -> None:
    texts = [*BAD, *GOOD, LONG]
    labels = np.array(["bad"] * len(BAD) + ["good"] * len(GOOD) + ["bad"], dtype=object)
    real = RealTexts(texts, labels, ENCODER.encode(texts))
    near = LONG.replace("driver", "postman")
    plan = with_candidates(plan_of(1), n_candidates, seed=0)
    judge = make_judge(filters, real, ENCODER, n_candidates=n_candidates)
    found = judge.score(rows_of(plan, [near] * n_candidates), plan, ask_for([LONG]))
    assert found["reason"].tolist() == ["copied"] * n_candidates
    assert not found["accepted"].any()


def test_the_first_filter_that_objects_gives_the_reason_and_all_scores_are_there() -> None:
    texts = ["", BAD[0], "my parcel is lost", "i love my new phone"]
    plan = plan_of(4)
    judge = make_judge(["empty", "copied", OffLabel(at_least=0.5)], real_texts(), ENCODER)
    found = judge.score(rows_of(plan, texts), plan, ask_for(texts))
    assert found["reason"].tolist() == ["empty", "copied", "", "off_label"]
    assert found["accepted"].tolist() == [False, False, True, False]
    assert found["target_cosine"].tolist() == pytest.approx([0, 1, 1, 1], abs=1e-6)  # a blank text has no direction
    assert found["label_score"].notna().all()
    assert found["sample_weight"].tolist() == pytest.approx(found["label_score"].clip(lower=0.1).tolist())
    assert judge.names == ["empty", "copied", "off_label"]


def test_rows_that_come_with_a_reason_keep_it() -> None:
    plan = plan_of(2)
    rows = rows_of(plan, ["", "a new parcel"]).assign(reason=["decoding failed: no memory", ""])
    found = make_judge(["empty"], real_texts(), ENCODER).score(rows, plan, ask_for(["a", "b"]))
    assert found["reason"].tolist() == ["decoding failed: no memory", ""]
    assert found["accepted"].tolist() == [False, True]


def test_later_rounds_are_compared_with_accepted_rows_alone() -> None:
    judge, plan = make_judge(["copied", "duplicate"], real_texts(), ENCODER), plan_of(2)
    first = judge.score(rows_of(plan, [BAD[0], "fresh words"]), plan, ask_for(BAD))
    second = judge.score(rows_of(plan, ["Fresh words!", "others"]), plan, ask_for(BAD))
    assert first["reason"].tolist() == ["copied", ""]
    assert second["reason"].tolist() == ["duplicate", ""]


def test_rounds_judged_in_parts_and_whole_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{BAD[number % 5]} {BAD[number % 4]}" for number in range(60)]
    plan = plan_of(60)
    spec = ["gibberish", "off_topic", "duplicate"]
    whole = make_judge(spec, real_texts(), ENCODER).score(rows_of(plan, texts), plan, ask_for(texts))
    monkeypatch.setattr("smotext.filters.judge._ROWS", 7)
    monkeypatch.setattr("smotext.filters.judge._FIRST_ROWS", 2)
    parts = make_judge(spec, real_texts(), ENCODER).score(rows_of(plan, texts), plan, ask_for(texts))
    assert parts["reason"].tolist() == whole["reason"].tolist()
    assert {"", "duplicate"} <= set(whole["reason"])
    assert whole["accepted"].sum() <= 20  # different texts


def test_rows_and_plan_must_be_aligned() -> None:
    plan = plan_of(2)
    with pytest.raises(InputError, match="got 1 rows for a plan of 2"):
        make_judge(["empty"], real_texts(), ENCODER).score(rows_of(plan, ["a", "b"]).iloc[:1], plan, ask_for("ab"))


def test_the_candidate_nearest_its_target_is_judged_and_the_others_fall() -> None:
    plan = with_candidates(plan_of(2), 3, seed=0)
    targets = ask_for(["the parcel is gone", "where is it"])
    texts = ["a phone", "the parcel is gone", "gone", "what", "how", "where is it"]
    judge = make_judge(None, real_texts(), ENCODER, n_candidates=3)
    found = judge.score(rows_of(plan, texts), plan, targets)
    assert found.loc[found["accepted"], "text"].tolist() == ["the parcel is gone", "where is it"]
    assert found["reason"].tolist() == [NOT_NEAREST, "", NOT_NEAREST, NOT_NEAREST, NOT_NEAREST, ""]


def test_the_nearest_candidate_is_one_that_is_neither_a_copy_nor_blank_nor_unfinished() -> None:
    plan = with_candidates(plan_of(1), 4, seed=0)
    texts = [BAD[0], "  ", f"{BAD[0]} and", "a parcel it was"]
    rows = rows_of(plan, texts)
    rows.loc[2, "reason"] = UNFINISHED
    judge = make_judge(None, real_texts(), ENCODER, n_candidates=4)
    found = judge.score(rows, plan, ask_for([BAD[0]]))
    assert found["reason"].tolist() == ["copied", "empty", UNFINISHED, ""]
    assert found["target_cosine"].argmax() == 0, "the copy is nearer"


def test_of_a_mix_whose_candidates_are_all_copies_none_is_accepted_nor_preferred() -> None:
    plan = with_candidates(plan_of(2), 2, seed=0)
    judge = make_judge(None, real_texts(), ENCODER, n_candidates=2)
    found = judge.score(rows_of(plan, [BAD[0], BAD[1], "a new parcel", BAD[2]]), plan, ask_for(BAD))
    assert found["reason"].tolist()[:2] == ["copied", "copied"]
    assert found["accepted"].tolist() == [False, False, True, False]


def test_a_filters_verdict_on_the_nearest_candidate_is_the_mixs() -> None:
    plan = with_candidates(plan_of(1), 2, seed=0)
    keep_none_with_x = PlainFilter(lambda texts, labels: ["x" not in text for text in texts])
    judge = make_judge([keep_none_with_x], real_texts(), ENCODER, n_candidates=2)
    found = judge.score(rows_of(plan, ["the parcel x", "where is it"]), plan, ask_for(["the parcel x"]))
    assert found["reason"].tolist() == [keep_none_with_x.name, NOT_NEAREST]


def test_ties_between_candidates_go_to_the_lowest_and_a_stopped_mix_keeps_its_best() -> None:
    cosines, numbers = np.array([0.2, 0.2, np.nan, np.nan, 0.1]), np.array([0, 1, 0, 1, 0])
    assert best_candidates(cosines, numbers).tolist() == [True, False, True, False, True]
    assert best_candidates(np.zeros(0), numbers[:0]).tolist() == []


def test_mixes_may_have_one_candidate_among_others_that_have_several() -> None:
    plan = with_candidates(
        plan_of(2, labels=np.array(["a", "b"], dtype=object), ordinals=np.zeros(2, dtype=np.int64)),
        3,
        seed=0,
        once={"a"},
    )
    assert plan.keys == ["a/0/0/0", "b/0/0/0", "b/0/0/1", "b/0/0/2"]
    assert best_candidates(np.array([0.1, 0.4, 0.2, 0.3]), plan.candidates).tolist() == [True, True, False, False]


def test_candidates_have_seeds_of_their_own_and_the_first_keeps_the_rows() -> None:
    plan = plan_of(3)
    many = with_candidates(plan, 2, seed=0)
    assert many.candidates.tolist() == [0, 1] * 3
    assert many.ordinals.tolist() == [0, 0, 1, 1, 2, 2]
    assert many.seeds[::2].tolist() == plan.seeds.tolist()
    assert len(set(many.seeds.tolist())) == 6


class TestScreening:
    """Class "bad" lies around 0, "good" around 10 but for one text: mixes with that one land in "bad"."""

    labels = np.array(["bad"] * 10 + ["good"] * 10, dtype=object)

    def vectors(self) -> np.ndarray:
        vectors = np.random.default_rng(0).normal(size=(20, 3)) + np.repeat([0, 10], 10)[:, None]
        vectors[19] = -9
        return vectors.astype(np.float32)

    def judge(self) -> Judge:
        return make_judge([OffLabel(share=0.1)], RealTexts(["t"] * 20, self.labels, self.vectors()), ENCODER)

    def test_mixes_that_land_in_another_class_get_other_parents(self) -> None:
        vectors = self.vectors()
        planner = Planner(vectors, self.labels, strategy="random", lam=0.5)
        plan = planner.plan({"bad": 5, "good": 20})

        def targets(group: MixPlan) -> np.ndarray:
            return vectors[group.parents].mean(axis=1)

        screened = self.judge().screen(plan, targets, planner.replan)
        was_off = (plan.parents == 19).any(axis=1)
        assert was_off.any()
        assert not (screened.parents == 19).any()
        assert (screened.attempts > 0).tolist() == was_off.tolist()
        assert screened.ordinals.tolist() == plan.ordinals.tolist()
        again = self.judge().screen(plan, targets, planner.replan)
        assert np.array_equal(again.seeds, screened.seeds)

    def test_a_mix_that_stays_off_is_written_after_three_draws(self) -> None:
        off = plan_of(2, "good", parents=np.array([[10, 11], [10, 19]]))

        def replan(labels: Any, ordinals: np.ndarray, attempts: np.ndarray) -> MixPlan:
            return replace(off.take(np.array([1])), attempts=attempts)

        screened = self.judge().screen(off, lambda plan: self.vectors()[plan.parents[:, 1]], replan)
        assert screened.attempts.tolist() == [0, SCREENING_TRIES]

    def test_filters_that_judge_texts_alone_screen_nothing(self) -> None:
        judge = make_judge(["empty"], real_texts(), ENCODER)
        plan = plan_of(2)
        assert judge.screen(plan, ask_for(["a", "b"]), replan=None) is plan  # type: ignore[arg-type]


def test_replaced_rows_leave_the_plan_and_its_notes_as_they_were() -> None:
    plan = replace(plan_of(3), notes=("kept",), vectors=np.zeros((3, 2), dtype=np.float32))
    other = plan_of(1, attempts=np.array([4]), vectors=np.ones((1, 2), dtype=np.float32))
    changed = replace_rows(plan, np.array([1]), other)
    assert changed.attempts.tolist() == [0, 4, 0]
    assert changed.vectors is not None
    assert changed.vectors[:, 0].tolist() == [0, 1, 0]
    assert (plan.attempts.tolist(), changed.notes) == ([0, 0, 0], ("kept",))
