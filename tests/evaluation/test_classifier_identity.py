import functools
import subprocess
import sys

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from smotext.evaluation.classifier_identity import identity
from smotext.evaluation.classifiers import frozen_encoder, tfidf
from smotext.evaluation.study import Study
from tests.evaluation.doubles import WordEncoder, bayes, two_classes


def _counting(**options):
    return make_pipeline(CountVectorizer(**options), MultinomialNB())


def _ends_with(suffix):
    return lambda text: text + suffix


class Odd:
    """Holds what has neither a value nor a pickle."""

    def __init__(self):
        self.held = (number for number in range(3))


def test_identity_is_the_same_for_equal_settings_and_differs_for_others():
    assert identity(frozen_encoder(WordEncoder(), "x")) == identity(frozen_encoder(WordEncoder(), "x"))
    assert identity(frozen_encoder(WordEncoder(), "x")) != identity(frozen_encoder(WordEncoder(), "y"))
    assert identity(tfidf()) != identity(bayes())


WORDS = [f"word{number}" for number in range(60)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"stop_words": WORDS}, {"stop_words": [*WORDS[:40], "else", *WORDS[41:]]}),
        ({"preprocessor": lambda text: text.upper()}, {"preprocessor": lambda text: text.title()}),
        ({"preprocessor": lambda text: text + "a"}, {"preprocessor": lambda text: text + "b"}),
        ({"preprocessor": _ends_with("a")}, {"preprocessor": _ends_with("b")}),
        ({"preprocessor": lambda text, end="a": text + end}, {"preprocessor": lambda text, end="b": text + end}),
        ({"preprocessor": functools.partial(max, "a")}, {"preprocessor": functools.partial(max, "b")}),
        ({"vocabulary": {"a": 0, "b": 1}}, {"vocabulary": {"a": 1, "b": 0}}),
        ({"max_features": 1}, {"max_features": True}),
        ({"dtype": np.float32}, {"dtype": np.float64}),
    ],
)
def test_pipelines_that_differ_anywhere_have_different_identities(one, other):
    assert identity(_counting(**one)) != identity(_counting(**other))
    assert identity(_counting(**one)) == identity(_counting(**one))


def test_arrays_and_random_states_count_by_their_values():
    priors = [np.linspace(0, 1, 2000) for _ in range(3)]
    priors[2][1000] += 0.001
    first, same, other = (identity(MultinomialNB(class_prior=prior)) for prior in priors)
    assert first == same != other
    first, same, other = (LogisticRegression(random_state=np.random.RandomState(seed)) for seed in (1, 1, 2))
    assert identity(first) == identity(same) != identity(other)


def test_what_cannot_be_identified_is_never_taken_for_what_was_kept(tmp_path):
    def study():
        models = {"m": _counting(preprocessor=odd)}
        return Study(two_classes(20), models, {}, conditions=["duplicated"], folder=tmp_path)

    def odd(text, held=Odd()):  # noqa: B008
        return text

    first = study()
    first.run()
    assert len(first.results()) == len(first.all_cells())
    assert study().results() == []


def test_a_function_that_holds_itself_is_never_taken_for_what_was_kept():
    def halve(text):
        return halve(text[::2]) if len(text) > 9 else text

    assert identity(_counting(preprocessor=halve)) != identity(_counting(preprocessor=halve))


def test_results_of_the_two_named_classifiers_stay_where_they_were_kept():
    assert identity(tfidf()) == (
        "Pipeline(steps=[('tfidfvectorizer', TfidfVectorizer(sublinear_tf=True)), "
        "('logisticregression', LogisticRegression(max_iter=2000, solver='newton-cg'))])"
    )
    assert identity(frozen_encoder(WordEncoder(), "x")) == (
        "Pipeline(steps=[('encoderfeatures', EncoderFeatures(encoder=<tests.evaluation.doubles.WordEncoder object>, "
        "name='x')), ('logisticregression', LogisticRegression(max_iter=2000, solver='newton-cg'))])"
    )


def test_identity_is_the_same_in_another_process():
    code = (
        "from tests.evaluation.test_classifier_identity import model; "
        "from smotext.evaluation.classifier_identity import identity; "
        "print(identity(model()))"
    )
    found = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        for _ in range(2)
    ]
    assert found == [identity(model())] * 2


def model():
    """A pipeline with a set, a function, a lambda and a nested estimator."""
    words = TfidfVectorizer(stop_words=frozenset(WORDS), preprocessor=lambda text: text.lower() in {"a", "b", "c"})
    return make_pipeline(words, LogisticRegression(class_weight={"good": 2, "bad": 1}))
