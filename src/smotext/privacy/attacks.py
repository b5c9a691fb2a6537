"""All attacks on one scene, corrected for there being several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.data.validation import check_count
from smotext.privacy.attack_scene import Scene
from smotext.privacy.epsilon_bounds import clopper_pearson
from smotext.privacy.likelihood import N_CANDIDATES, ReportScored, Scorer, line_up, n_traced
from smotext.privacy.public_examples import PublicExamples
from smotext.privacy.rates import IntervalEstimate, Rates, measure
from smotext.privacy.similarity import (
    CopiedRun,
    character_similarities,
    copied_runs,
    name_copies,
    nearness_scores,
    vector_similarities,
)
from smotext.settings import Settings
from smotext.utils.holm import holm
from smotext.utils.seeding import generator

LINE_UP, SINGLE = "likelihood, line-up", "likelihood, single text"
WITH_EXAMPLE = "with the candidate as example"
VECTOR, VECTOR_LEAD = "nearest vector", "nearest vector, lead"
LETTERS, LETTERS_LEAD = "nearest characters", "nearest characters, lead"
RUN = "longest copied run"
UNKNOWN_GENERATOR = "the decoder that wrote the texts is not known: name it with model="
NO_LIKELIHOOD = "the decoder cannot say how likely a text is: it has no log_likelihood"


@dataclass(frozen=True)
class AuditSettings:
    """How the attacks are run.

    Attributes
    ----------
    examples : int, optional
        Examples that the decoder was shown when it wrote the texts; None is the decoder's own number. Above 0, the
        likelihood attack is also run with each candidate as the example in the prompt.
    public_examples : PublicExamples, optional
        Texts that prompts showed as public (:class:`smotext.privacy.Privacy`): `examples` are of these, the attack
        shows the first of them, and no candidate is shown.
    prompt, guidance, temperature : int, float or None, float
        What the texts were written with.
    batch_size : int, optional
        Rows that the decoder takes at once.
    n_shown : int
        Candidates in the line-up of a text: the nearest of its class.
    max_texts, max_control_texts : int
        Released texts that the likelihood attack looks at, in the audit and in each control; more are drawn from.
    n_draws : int
        Bootstrap draws; there are twice as many permutations.
    seed : int
    alpha : float
        How often a leak may be claimed where there is none, over all attacks together.
    """

    examples: int | None = None
    public_examples: PublicExamples | None = None
    prompt: int = 0
    guidance: float | None = None
    temperature: float = Settings.temperature
    batch_size: int | None = None
    n_shown: int = N_CANDIDATES
    max_texts: int = 2000
    max_control_texts: int = 100
    n_draws: int = 1000
    seed: int = 0
    alpha: float = 0.05

    def __post_init__(self) -> None:
        if self.examples is not None:
            check_count("examples", self.examples, "0 or more, or None for the decoder's own number", least=0)
        for name, least in (("n_shown", 2), ("max_texts", 1), ("max_control_texts", 1)):
            check_count(name, getattr(self, name), f"an integer of {least} or more", least=least)
        check_count("n_draws", self.n_draws, "an integer of 100 or more", least=100)

    def examples_of(self, decoder: object) -> int:
        """Return the real examples that this decoder was shown."""
        return self._n_shown(decoder) if self.public_examples is None else 0

    def shown_to(self, decoder: object) -> Callable[[Any], list[str]] | None:
        """Return what gives the public texts in the prompts of a class; None where they showed none."""
        public, n_shown = self.public_examples, self._n_shown(decoder)
        if public is None or not n_shown:
            return None
        return lambda label: public.shown_for(label, n_shown)

    def _n_shown(self, decoder: object) -> int:
        return int(getattr(decoder, "examples", None) or 0) if self.examples is None else self.examples


@dataclass(frozen=True)
class Attack:
    """One attack and what it found.

    Attributes
    ----------
    name : str
    rates : Rates or None
        None where the attack was not run.
    p_adjusted : float
        After Holm's correction over the attacks that were run; NaN where it was not.
    finds_members : bool
        Whether that lies below the level.
    traced : IntervalEstimate or None
        Of the line-up: share of the texts that are likeliest under a true parent, or under any member where the parents
        are not known.
    not_run : str
        Why not, where it was not.
    """

    name: str
    rates: Rates | None
    p_adjusted: float = float("nan")
    finds_members: bool = False
    traced: IntervalEstimate | None = None
    not_run: str = ""


def run_attacks(
    scene: Scene,
    settings: AuditSettings,
    *,
    scorer: object | None,
    parents: Sequence[Sequence[int]] | None = None,
    why_no_scorer: str = UNKNOWN_GENERATOR,
    max_texts: int | None = None,
    progress: ReportScored | None = None,
) -> tuple[list[Attack], list[CopiedRun]]:
    """Return what every attack finds, and the runs of words that were copied from members.

    Parameters
    ----------
    scene : Scene
    settings : AuditSettings
    scorer : Scorer, optional
        The decoder; without one, or with one that has no ``log_likelihood``, that attack is "not run".
    parents : sequence of sequences of int, optional
        Row numbers of each released text's parents.
    why_no_scorer : str
        Why there is none.
    max_texts : int, optional
        Instead of ``settings.max_texts``.
    progress : callable, optional
        ``progress(n_done, n_pairs)`` of the likelihood attack.
    """
    n_texts = settings.max_texts if max_texts is None else max_texts
    scores, missing = _nearness(scene)
    traced: dict[str, IntervalEstimate] = {}
    names = [LINE_UP, SINGLE]
    if settings.examples_of(scorer):
        names += [f"{name}, {WITH_EXAMPLE}" for name in (LINE_UP, SINGLE)]
    if isinstance(scorer, Scorer) and scene.candidates.vectors is not None:
        _likelihood(scene, settings, scorer, scores, traced, parents, n_texts, progress)
    else:
        reason = why_no_scorer if scorer is None else NO_LIKELIHOOD
        missing = [Attack(name, None, not_run=reason) for name in names] + missing
    lengths = copied_runs(scene)
    scores[RUN] = lengths
    return _judged(scores, traced, scene, settings) + missing, name_copies(scene, lengths)


def _nearness(scene: Scene) -> tuple[dict[str, NDArray[np.float64]], list[Attack]]:
    """Return the scores of the attacks that need no decoder, by name, and those that could not be run."""
    scores: dict[str, NDArray[np.float64]] = {}
    missing: list[Attack] = []
    n_candidates = len(scene.candidates)
    if scene.candidates.vectors is None or scene.released.vectors is None:
        missing = [Attack(name, None, not_run="there is no encoder") for name in (VECTOR, VECTOR_LEAD)]
    else:
        scores[VECTOR], scores[VECTOR_LEAD] = nearness_scores(vector_similarities(scene), n_candidates)
    scores[LETTERS], scores[LETTERS_LEAD] = nearness_scores(character_similarities(scene), n_candidates)
    return scores, missing


def _likelihood(
    scene: Scene,
    settings: AuditSettings,
    scorer: Scorer,
    scores: dict[str, NDArray[np.float64]],
    traced: dict[str, IntervalEstimate],
    parents: Sequence[Sequence[int]] | None,
    max_texts: int,
    progress: ReportScored | None,
) -> None:
    """Add the likelihood attack's scores, and to whom the texts are traced, to the two mappings."""
    for with_example in (False, True) if settings.examples_of(scorer) else (False,):
        ending = f", {WITH_EXAMPLE}" if with_example else ""
        found = line_up(
            scene,
            scorer,
            n_shown=settings.n_shown,
            max_texts=max_texts,
            with_example=with_example,
            shown_to=settings.shown_to(scorer),
            progress=progress,
            rng=generator(settings.seed, "line-up"),
            prompt=settings.prompt,
            guidance=settings.guidance,
            temperature=settings.temperature,
            batch_size=settings.batch_size,
        )
        scores[LINE_UP + ending], scores[SINGLE + ending] = found.line_up_scores(), found.single_scores()
        hits, of = n_traced(found, scene, parents)
        if of:
            traced[LINE_UP + ending] = IntervalEstimate(hits / of, *clopper_pearson(hits, of), hits=hits, of=of)


def _judged(
    scores: dict[str, NDArray[np.float64]], traced: dict[str, IntervalEstimate], scene: Scene, settings: AuditSettings
) -> list[Attack]:
    attacks = [
        Attack(
            name,
            measure(
                values,
                scene.is_member,
                scene.strata,
                n_attacks=len(scores),
                n_draws=settings.n_draws,
                seed=settings.seed,
                alpha=settings.alpha,
            ),
            traced=traced.get(name),
        )
        for name, values in scores.items()
    ]
    # The strongest attacks come first.
    attacks.sort(key=lambda attack: not attack.name.startswith((LINE_UP, SINGLE)))
    adjusted = holm([attack.rates.p_value for attack in attacks if attack.rates is not None])
    return [
        replace(attack, p_adjusted=p, finds_members=p <= settings.alpha)
        for attack, p in zip(attacks, adjusted, strict=True)
    ]
