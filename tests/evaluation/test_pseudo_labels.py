import numpy as np
import pytest

from smotext import EchoDecoder, HashEncoder, SMOTExT
from smotext.errors import InputError
from smotext.evaluation.generators import default_generators
from smotext.evaluation.labelled_texts import NotApplicable
from smotext.evaluation.pseudo_labels import PseudoLabels, apart_from
from smotext.evaluation.study import Study
from tests.evaluation.doubles import NOUNS, WordEncoder, bayes, two_classes

UNLABELLED = [f"{word} {noun}" for noun in NOUNS[30:] for word in ("good good", "bad bad")]


def test_each_class_gets_the_texts_that_seem_to_be_of_it_and_as_many_as_are_wanted():
    data = two_classes(6)
    made = PseudoLabels(WordEncoder(), UNLABELLED)(data.texts, data.labels, {"good": 4, "bad": 2}, seed=0)
    assert made.labels == ("good",) * 4 + ("bad",) * 2
    assert all(text.startswith(label) for text, label in made)
    assert len(set(made.texts)) == 6


def test_the_surest_come_first():
    class Flat(WordEncoder):
        def encode(self, texts):
            return np.array([[len(text), 1.0] for text in texts], dtype=np.float32)

    more = PseudoLabels(Flat(), ["aaaaaa", "aaaaaaaaaaaa", "aaaaaaaa"])
    made = more(["a", "aaaaaaaaa"], ["short", "long"], {"long": 2, "short": 0}, seed=0)
    assert made.texts == ("aaaaaaaaaaaa", "aaaaaaaa")


def test_a_class_gets_fewer_where_fewer_seem_to_be_of_it():
    data = two_classes(6)
    made = PseudoLabels(WordEncoder(), ["good good zoo"])(data.texts, data.labels, {"good": 3, "bad": 3}, seed=0)
    assert list(made) == [("good good zoo", "good")]
    with pytest.raises(NotApplicable, match="no unlabelled text was found"):
        PseudoLabels(WordEncoder(), ["good good zoo"])(data.texts, data.labels, {"bad": 3}, seed=0)


def test_texts_of_several_labels_get_none():
    with pytest.raises(NotApplicable, match="it gives a text one label, and these texts have several"):
        PseudoLabels(WordEncoder(), UNLABELLED)(["good cat", "bad cat"], [("x", "y"), ("y",)], {"x": 1}, seed=0)


def test_blank_texts_and_repetitions_are_no_texts():
    assert PseudoLabels(WordEncoder(), ["good zoo", None, " ", "Good zoo"]).texts == ("good zoo",)


def test_labelled_texts_are_not_found_again():
    data = two_classes(6)
    with pytest.raises(NotApplicable):
        PseudoLabels(WordEncoder(), data.texts)(data.texts, data.labels, {"good": 3, "bad": 3}, seed=0)


def test_nothing_that_may_be_tested_on_stays_unlabelled():
    assert apart_from(["Good cat!", "good yak"], ["good cat", "bad cat"]) == ["good yak"]
    with pytest.raises(InputError, match="each of the 1 unlabelled texts repeats a labelled one"):
        apart_from(["good cat"], ["good cat"])


def sampler(**options):
    return SMOTExT(encoder=HashEncoder(64), decoder=EchoDecoder(64), k_neighbors=2, **options)


def test_the_conditions_are_there_with_unlabelled_texts_alone():
    plain, given = (default_generators(sampler(unlabelled=texts)) for texts in (None, UNLABELLED))
    assert given.keys() - plain.keys() == {"pseudo-labelling", "labelled alone"}
    assert given["labelled alone"].fingerprint == plain["smotext"].fingerprint
    assert given["smotext"].fingerprint != plain["smotext"].fingerprint
    assert "good" not in given["smotext"].fingerprint, "no text stands in a report"
    assert given["paper"].sampler.unlabelled is None


def test_the_bridge_is_adapted_to_them_as_well():
    seen = []

    def adapt(encoder, decoder, texts, seed):
        seen.append(tuple(texts))
        return decoder

    data = two_classes(3)
    default_generators(sampler(unlabelled=UNLABELLED), adapt=adapt)["smotext"](data.texts, data.labels, {"good": 1}, 0)
    assert seen == [(*data.texts, *UNLABELLED)]


def test_a_study_fits_on_them_and_keeps_no_row():
    names = ["pseudo-labelling", "pseudo-labelling at chosen weight"]
    generators = {"pseudo-labelling": PseudoLabels(WordEncoder(), UNLABELLED)}
    study = Study(two_classes(20), {"bayes": bayes()}, generators, conditions=names, n_seeds=2)
    found = {(result.cell.condition, result.cell.seed): result for result in study.run()}
    assert not any(result.skipped for result in found.values())
    assert not study.has_texts(study.settings[0], 0, "pseudo-labelling")
