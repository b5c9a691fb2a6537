"""What is compared: the names of the conditions, what they mean, and where their new texts come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from smotext.errors import unknown_name
from smotext.evaluation.labelled_texts import GenerateFold
from smotext.evaluation.markov import generate_chains
from smotext.evaluation.word_edits import generate_copies, generate_edits, generate_random_words

Weighting = Literal["alike", "half", "chosen"]

REAL, WITH_SMOTEXT, ONLY_SMOTEXT = "real", "real + SMOTExT", "SMOTExT only"
DUPLICATED, EDITED, RANDOM_WORDS, CHAINS = "duplicated", "word edits", "random words", "Markov chains"
SMOTE_ROWS, MIXUP, WEIGHTED = "SMOTE on features", "mixup on features", "class weights"
ADJUSTED, THRESHOLD, COMPLEMENT = "logit adjustment", "tuned threshold", "ComplementNB"
PAPER, PARAPHRASED, PROMPTED, RETRIEVED = "the paper's method", "paraphrase", "prompting", "retrieval"
CONTEXTUAL, BACK_TRANSLATED, MORE_REAL = "contextual edits", "back-translation", "more real"
PSEUDO_LABELLED, LABELLED_ALONE = "pseudo-labelling", "SMOTExT of labelled texts alone"

_AT = {"half": " at half weight", "chosen": " at chosen weight"}
HALF_WEIGHT, CHOSEN_WEIGHT = (f"{WITH_SMOTEXT}{suffix}" for suffix in _AT.values())

_PLAIN: dict[str, str] = {
    REAL: "the real rows alone",
    WITH_SMOTEXT: "the real rows and the synthetic ones",
    ONLY_SMOTEXT: "the synthetic rows alone",
    DUPLICATED: "the real rows and copies of them",
    EDITED: "the real rows and copies with words swapped, deleted or repeated",
    RANDOM_WORDS: "the real rows and meaningless ones, of words drawn from all classes: what more rows alone do",
    CHAINS: "the real rows and walks from word to word, half of the steps as other classes take them (EMCO)",
    SMOTE_ROWS: "the real rows and SMOTE's interpolated feature rows",
    MIXUP: "the real rows and mixes of any two feature rows, with both labels",
    WEIGHTED: "the real rows, rare classes weighing more",
    ADJUSTED: "the real rows; the class of the highest p(class | text) / p(class)",
    THRESHOLD: "the real rows; two classes parted where macro-F1 is highest in a cross-validation of the training rows",
    COMPLEMENT: "the real rows, by scikit-learn's ComplementNB instead of the classifier's head",
    PAPER: "the real rows and SMOTExT's without examples in the prompt, the first text written",
    PARAPHRASED: "the real rows and decodes of their own vectors, unmixed (lam = 1)",
    PROMPTED: "the real rows and what the language model writes from the same examples without a vector, first sample",
    CONTEXTUAL: "the real rows and copies in which the language model put some words in, or others in their place",
    RETRIEVED: "the real rows and, for each mixed vector, the nearest passage of a corpus instead of a decode",
    PSEUDO_LABELLED: "the real rows and the unlabelled texts that a classifier on the encoder's vectors is surest of",
    LABELLED_ALONE: "the real rows and SMOTExT's, written as if there were no unlabelled texts",
    BACK_TRANSLATED: "the real rows and translations of them into another language and back",
    MORE_REAL: "the real rows and further real ones, as far as there are any: the ceiling",
}

_SOURCES = {
    WITH_SMOTEXT: "smotext",
    ONLY_SMOTEXT: "smotext",
    PAPER: "paper",
    PARAPHRASED: "paraphrase",
    PROMPTED: "prompting",
    CONTEXTUAL: "contextual edits",
    RETRIEVED: "retrieval",
    PSEUDO_LABELLED: "pseudo-labelling",
    LABELLED_ALONE: "labelled alone",
    BACK_TRANSLATED: "back-translation",
    DUPLICATED: "copies",
    EDITED: "word edits",
    RANDOM_WORDS: "random words",
    CHAINS: "Markov chains",
}

# Copies at another weight are the same rows at the same total; SMOTE's rows have no sources to hold folds apart by.
_AT_HALF = (
    WITH_SMOTEXT, PAPER, PARAPHRASED, PROMPTED, CONTEXTUAL, RETRIEVED, PSEUDO_LABELLED, LABELLED_ALONE, EDITED,
    RANDOM_WORDS, CHAINS, SMOTE_ROWS,
)  # fmt: skip
_AT_CHOSEN = tuple(name for name in _AT_HALF if name != SMOTE_ROWS)

_MEANING = {
    "half": "the same rows, the real ones weighing at least half of their class (half_weights)",
    "chosen": "the same rows, new ones weighing what a cross-validation scored on real training rows finds best, or 0",
}


def _table() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, meaning in _PLAIN.items():
        found[name] = meaning
        for weighting, bases in (("half", _AT_HALF), ("chosen", _AT_CHOSEN)):
            if name in bases:
                found[f"{name}{_AT[weighting]}"] = _MEANING[weighting]
    return found


CONDITIONS: dict[str, str] = _table()
"""Every condition with its meaning, in the order of tables."""

DEFAULT = (
    REAL, WITH_SMOTEXT, HALF_WEIGHT, CHOSEN_WEIGHT, ONLY_SMOTEXT, DUPLICATED, EDITED, RANDOM_WORDS, SMOTE_ROWS,
    WEIGHTED, ADJUSTED, THRESHOLD, COMPLEMENT, MORE_REAL,
)  # fmt: skip
"""What is compared unless more is asked for: nothing here runs a language model but SMOTExT itself."""

WITH_UNLABELLED = tuple(name for name in CONDITIONS if name.startswith((PSEUDO_LABELLED, LABELLED_ALONE)))
"""What is compared where unlabelled texts are given, and not without."""

_NO_MODEL = (
    DUPLICATED, EDITED, RANDOM_WORDS, CHAINS, PSEUDO_LABELLED, SMOTE_ROWS, MIXUP, WEIGHTED, ADJUSTED, THRESHOLD,
    COMPLEMENT,
)  # fmt: skip
CHEAP = tuple(
    f"{name}{suffix}" for name in _NO_MODEL for suffix in ("", *_AT.values()) if f"{name}{suffix}" in CONDITIONS
)
"""Alternatives that need no language model."""


def base_of(condition: str) -> str:
    """Return the condition without its weight.

    Examples
    --------
    >>> base_of("word edits at half weight"), base_of("duplicated")
    ('word edits', 'duplicated')
    """
    for suffix in _AT.values():
        condition = condition.removesuffix(suffix)
    return condition


def weighting_of(condition: str) -> Weighting:
    """Return how new rows weigh beside real ones.

    Examples
    --------
    >>> weighting_of("word edits at half weight"), weighting_of("duplicated")
    ('half', 'alike')
    """
    if condition.endswith(_AT["chosen"]):
        return "chosen"
    return "half" if condition.endswith(_AT["half"]) else "alike"


GENERATOR_OF = {name: _SOURCES[base_of(name)] for name in CONDITIONS if base_of(name) in _SOURCES}
"""Which generator a condition's new texts come from."""

BUILT_IN: Mapping[str, GenerateFold] = {
    "copies": generate_copies,
    "word edits": generate_edits,
    "random words": generate_random_words,
    "Markov chains": generate_chains,
}


def check_conditions(names: list[str]) -> list[str]:
    """Return the names in the table's order, ``"real"`` always among them.

    Raises
    ------
    UnknownNameError
        If a name is none of :data:`CONDITIONS`.
    """
    for name in names:
        if name not in CONDITIONS:
            raise unknown_name("condition", name, CONDITIONS)
    return [name for name in CONDITIONS if name in {REAL, *names}]
