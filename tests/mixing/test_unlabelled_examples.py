from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smotext.mixing.examples import with_examples
from smotext.mixing.plan import UNKNOWN, plan_of_class
from smotext.mixing.unlabelled_examples import UnlabelledExamples


def at_angles(*degrees: float) -> NDArray[np.float32]:
    radians = np.radians(degrees)
    return np.column_stack([np.cos(radians), np.sin(radians)]).astype(np.float32)


def labels(*names: str) -> NDArray[np.object_]:
    return np.array(names, dtype=object)


def test_the_nearest_come_first_and_are_counted_on_from_the_labelled_texts() -> None:
    found = UnlabelledExamples(at_angles(0, 10), labels("a", "a"), at_angles(40, 5, 20))
    assert found.nearest(at_angles(6, 45), labels("a", "a"), 2).tolist() == [[3, 4], [2, 4]]


def test_length_does_not_count() -> None:
    found = UnlabelledExamples(at_angles(0), labels("a"), np.float32([[9], [0.1]]) * at_angles(30, 10))
    assert found.nearest(at_angles(0), labels("a"), 1).tolist() == [[2]]


def test_a_text_is_shown_for_the_class_of_the_nearest_mean_alone() -> None:
    found = UnlabelledExamples(at_angles(0, 90), labels("a", "b"), at_angles(44, 46))
    assert found.nearest(at_angles(45, 45), labels("a", "b"), 2).tolist() == [[2, UNKNOWN], [3, UNKNOWN]]
    # The nearest labelled text is of class a here, and the nearest mean, at 60 degrees, of class b.
    found = UnlabelledExamples(at_angles(-30, 30, 50, 70), labels("a", "a", "b", "b"), at_angles(37))
    assert found.nearest(at_angles(37, 37), labels("a", "b"), 1).tolist() == [[UNKNOWN], [4]]


def test_the_half_that_lies_between_classes_is_not_shown() -> None:
    found = UnlabelledExamples(at_angles(0, 90), labels("a", "b"), at_angles(44, 10, 30, 20, 80))
    assert found.nearest(at_angles(45, 45), labels("a", "b"), 3).tolist() == [[5, 3, UNKNOWN], [6, UNKNOWN, UNKNOWN]]


def test_a_text_of_two_labels_speaks_for_both() -> None:
    found = UnlabelledExamples(at_angles(0, 0), labels("a", "b"), at_angles(10))
    assert found.nearest(at_angles(0, 0), labels("a", "b"), 1).tolist() == [[2], [2]]


def test_among_many_the_same_are_found_as_by_looking_at_each() -> None:
    rng = np.random.default_rng(0)
    labelled, texts, asked = (rng.normal(size=(n, 6)).astype(np.float32) for n in (12, 300, 40))
    classes, wanted = rng.choice(["a", "b"], 12).astype(object), rng.choice(["a", "b"], 40).astype(object)

    def cosines(some: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
        norms = np.linalg.norm(some, axis=1)[:, None] * np.linalg.norm(others, axis=1)
        return some.astype(np.float64) @ others.T.astype(np.float64) / norms

    names = np.array(["a", "b"], dtype=object)
    lengths = np.linalg.norm(labelled, axis=1, keepdims=True)
    means = np.stack([(labelled / lengths)[classes == name].mean(axis=0) for name in names])
    to_means = cosines(texts, means)
    seem, clearness = names[to_means.argmax(axis=1)], np.abs(to_means[:, 0] - to_means[:, 1])
    for name in names:
        members = np.flatnonzero(seem == name)
        seem[members[np.argsort(clearness[members])][: len(members) // 2]] = "neither"
    found = UnlabelledExamples(labelled, classes, texts).nearest(asked, wanted, 3)
    for row, near in enumerate(cosines(asked, texts)):
        near[seem != wanted[row]] = -np.inf
        assert found[row].tolist() == (12 + np.argsort(-near)[:3]).tolist()


def test_they_take_the_place_of_others_and_never_of_parents() -> None:
    plan = plan_of_class(
        "a",
        np.arange(2),
        np.zeros(2, int),
        seed=0,
        strategy="random",
        parents=np.array([[0, 1], [2, 3]]),
        weights=np.full((2, 2), 0.5),
    )
    near = np.array([[9, 8], [7, UNKNOWN]])
    shown = with_examples(plan, labels(*"aaaaa"), 4, seed=0, near=near).examples
    assert shown is not None
    assert shown[0, :2].tolist() == [9, 8]
    assert set(shown[0, 2:].tolist()) == {0, 1}
    # One labelled text fills what is left.
    assert shown[1, 0] in (0, 1, 4)
    assert shown[1, 1] == 7
    assert set(shown[1, 2:].tolist()) == {2, 3}
    full = with_examples(plan, labels(*"aaaaa"), 2, seed=0, near=near).examples
    assert full is not None
    assert [set(row) for row in full.tolist()] == [{0, 1}, {2, 3}]
