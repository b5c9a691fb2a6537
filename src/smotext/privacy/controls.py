"""Controls that every audit runs: what shows no leak, what has to leak, and whether the held-out rows are any use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from smotext.filters.ngrams import words
from smotext.privacy.attack_scene import AuditRows, Scene, join_rows
from smotext.privacy.attacks import Attack, AuditSettings, run_attacks
from smotext.privacy.likelihood import ReportScored
from smotext.privacy.rates import IntervalEstimate, measure
from smotext.utils.seeding import generator, stable_hash

HELD_OUT, COPIES, TENTH = "held-out real texts", "copies", "one tenth copies"
# The blind classifier sees so many rows of each kind; more would take minutes.
BLIND_ROWS = 2000
# With fewer rows of a kind nothing can be cross-validated.
FEW_ROWS = 10
# The control that copies rows must have this share of them found.
MUST_FIND = 0.95


@dataclass(frozen=True)
class Blind:
    """How well a classifier that sees no released text tells the real rows from the held-out ones.

    Attributes
    ----------
    auc : IntervalEstimate
        Cross-validated. Above 0.5 the two files differ in kind, and every attack would find "members" that way.
    n_members, n_held_out : int
        AuditRows it was tried on.
    tells_apart : bool
        Whether the whole interval lies above 0.5.
    """

    auc: IntervalEstimate
    n_members: int
    n_held_out: int
    tells_apart: bool


@dataclass(frozen=True)
class Control:
    """Texts of which it is known what they give away, attacked like the released ones.

    Attributes
    ----------
    name : str
    attacks : tuple of Attack
    n_released : int
        Texts that were attacked.
    is_as_expected : bool
        Held-out texts: no attack finds members. Copies: nearly all of the copied rows stand out. One tenth copies: some
        attack finds members.
    """

    name: str
    attacks: tuple[Attack, ...]
    n_released: int
    is_as_expected: bool


def blind_control(scene: Scene, settings: AuditSettings) -> Blind:
    """Return how well real and held-out rows are told apart by their texts alone.

    A logistic regression on TF-IDF of words and of characters, and on length, digits and capitals, in five-fold
    cross-validation; compared within classes.
    """
    rng = generator(settings.seed, "blind")
    sides = [np.flatnonzero(scene.is_member == side) for side in (True, False)]
    rows = np.sort(np.concatenate([rng.permutation(side)[:BLIND_ROWS] for side in sides]))
    is_member = scene.is_member[rows]
    n_members = int(is_member.sum())
    n_held_out = len(rows) - n_members
    if min(n_members, n_held_out) < FEW_ROWS:
        return Blind(IntervalEstimate(0.5, 0.0, 1.0), n_members, n_held_out, tells_apart=False)
    features = _surface(scene.candidates.take(rows).texts)
    # scikit-learn takes seeds of 31 bits.
    state = stable_hash(settings.seed, "blind") >> 33
    scores = cross_val_predict(
        LogisticRegression(max_iter=1000, class_weight="balanced"),
        features,
        is_member,
        cv=StratifiedKFold(5, shuffle=True, random_state=state),
        method="decision_function",
    )
    rates = measure(scores, is_member, scene.strata[rows], n_draws=settings.n_draws, seed=settings.seed)
    return Blind(rates.auc, n_members, n_held_out, tells_apart=rates.auc.low > 0.5)


def _surface(texts: tuple[str, ...]) -> sparse.csr_matrix:
    """Return what a reader sees of the texts; fitted on all of them, as it knows no label."""
    parts = [
        TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), max_features=50_000, token_pattern=r"\S+"),
        TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(2, 4), max_features=50_000),
    ]
    shape = np.array(
        [
            [np.log1p(len(words(text))), *(sum(map(kind, text)) / len(text) for kind in (str.isdigit, str.isupper))]
            for text in texts
        ]
    )
    shape = (shape - shape.mean(axis=0)) / (shape.std(axis=0) + 1e-9)
    return sparse.hstack([*(part.fit_transform(texts) for part in parts), sparse.csr_matrix(shape)], format="csr")


def run_controls(
    scene: Scene, settings: AuditSettings, *, scorer: object | None, progress: ReportScored | None = None
) -> list[Control]:
    """Return the three controls: held-out real texts, copies of members, and one tenth copies among held-out texts."""
    halves = _split(scene, generator(settings.seed, "controls"))
    members, shown, others = halves
    held_out = Scene(join_rows([members, others]), _firsts(len(members), len(others)), shown)
    n_copied = min(len(members), settings.max_control_texts) if scorer is not None else len(members)
    copied = members.take(_drawn(len(members), n_copied, settings, "copies"))
    copies = Scene(join_rows([copied, others]), _firsts(len(copied), len(others)), copied)
    tenth = members.take(_drawn(len(members), max(1, len(members) // 10), settings, "tenth"))
    mixed = Scene(held_out.candidates, held_out.is_member, join_rows([tenth, shown]))
    found = []
    for name, staged, with_decoder in ((HELD_OUT, held_out, True), (COPIES, copies, True), (TENTH, mixed, False)):
        attacks, _ = run_attacks(
            staged,
            settings,
            scorer=scorer if with_decoder else None,
            why_no_scorer="left out of this control for its cost" if not with_decoder else "no decoder",
            max_texts=settings.max_control_texts,
            progress=progress,
        )
        found.append(Control(name, tuple(attacks), len(staged.released), _is_as_expected(name, attacks)))
    return found


def _is_as_expected(name: str, attacks: list[Attack]) -> bool:
    ran = [attack for attack in attacks if attack.rates is not None]
    if name == HELD_OUT:
        return not any(attack.finds_members for attack in ran)
    if name == TENTH:
        return any(attack.finds_members for attack in ran)
    return any(attack.rates is not None and attack.rates.tpr.value >= MUST_FIND for attack in ran)


def _split(scene: Scene, rng: np.random.Generator) -> tuple[AuditRows, AuditRows, AuditRows]:
    """Return the members, and the held-out rows in two halves, class by class."""
    first: list[int] = []
    second: list[int] = []
    for code in np.unique(scene.strata):
        rows = rng.permutation(np.flatnonzero((scene.strata == code) & ~scene.is_member)).tolist()
        first += rows[::2]
        second += rows[1::2]
    parts = np.flatnonzero(scene.is_member), np.array(sorted(second), np.int64), np.array(sorted(first), np.int64)
    members, shown, others = (scene.candidates.take(rows) for rows in parts)
    return members, shown, others


def _firsts(n_first: int, n_others: int) -> NDArray[np.bool_]:
    return np.arange(n_first + n_others) < n_first


def _drawn(n: int, n_drawn: int, settings: AuditSettings, name: str) -> NDArray[np.int64]:
    return np.sort(generator(settings.seed, name).permutation(n)[:n_drawn])
