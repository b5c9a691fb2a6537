import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.neighbors import KNeighborsClassifier

from smotext.errors import InputError
from smotext.evaluation.classifiers import (
    EncoderFeatures,
    SvdFeatures,
    boosting,
    frozen_encoder,
    interpolate_rows,
    load_classifier,
    lsa,
    svm,
    tfidf,
)
from smotext.evaluation.labelled_texts import labelled
from smotext.evaluation.training_sets import TrainingSet
from smotext.evaluation.training_sets import fit_predict as fit_on
from smotext.fitting.heads import Fitting, can_weigh_classes, can_weigh_rows, has_features
from smotext.fitting.new_rows import NewRows
from tests.evaluation.doubles import WordEncoder, bayes


def fit_predict(model, texts, labels, test_texts, **fitting):
    return fit_on(TrainingSet(labelled(texts, labels), fitting=Fitting(**fitting)), model, test_texts).predicted


def test_the_frozen_encoder_encodes_no_text_twice_over_folds():
    encoder = WordEncoder()
    model = frozen_encoder(encoder)
    fit_predict(model, ["good cat", "bad dog"], ["good", "bad"], ["good hen"])
    fit_predict(model, ["good cat", "bad cow"], ["good", "bad"], ["good hen"])
    assert sorted(encoder.seen) == ["bad cow", "bad dog", "good cat", "good hen"]


def test_cloning_copies_no_encoder():
    encoder = WordEncoder()
    assert clone(frozen_encoder(encoder))[0].encoder is encoder


@pytest.mark.parametrize("model", [frozen_encoder(WordEncoder()), tfidf(), lsa(), svm(), bayes()])
def test_each_kind_of_model_learns_an_easy_task(model):
    texts, labels = ["good cat", "good dog", "bad cat", "bad dog"], [1, 1, 0, 0]
    assert fit_predict(model, texts, labels, ["good hen", "bad hen"]) == [1, 0]


def test_boosting_learns_an_easy_task_and_encodes_with_the_features_that_are_there():
    features = EncoderFeatures(WordEncoder())
    texts, labels = ["good cat", "good dog", "bad cat", "bad dog"] * 20, [1, 1, 0, 0] * 20
    assert fit_predict(boosting(features), texts, labels, ["good hen", "bad hen"]) == [1, 0]
    assert clone(boosting(features))[0] is features


def test_the_given_model_is_left_unfitted():
    model = tfidf()
    fit_predict(model, ["good cat", "bad dog"], ["good", "bad"], ["good"], is_balanced=True)
    assert not hasattr(model[-1], "classes_")
    assert model[-1].class_weight is None


def test_class_weights_turn_a_prediction_towards_the_rare_class():
    texts, labels = ["cat"] * 20 + ["cat dog"], ["common"] * 20 + ["rare"]
    assert fit_predict(tfidf(), texts, labels, ["cat dog"]) == ["common"]
    assert fit_predict(tfidf(), texts, labels, ["cat dog"], is_balanced=True) == ["rare"]


@pytest.mark.parametrize("model", [tfidf(), bayes()])
def test_a_row_of_weight_three_counts_as_three_rows(model):
    real, new, test = labelled(["cat", "cat dog"], ["a", "b"]), NewRows(("dog cow",), ("b",), ((1,),)), ["cat cow"]
    assert fit_on(TrainingSet(real, new), model, test).predicted == ["b"]
    heavy = Fitting(weigh=lambda labels, n_real, weight: np.array([3.0, 1.0, 1.0]))
    assert fit_on(TrainingSet(real, new, heavy), model, test).predicted == ["a"]


def test_what_a_model_can_do_is_seen_from_its_parts():
    assert (can_weigh_classes(tfidf()), has_features(tfidf())) == (True, True)
    assert (can_weigh_rows(tfidf()), can_weigh_rows(KNeighborsClassifier())) == (True, False)
    assert (can_weigh_classes(DummyClassifier()), has_features(DummyClassifier())) == (False, False)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
def test_interpolated_rows_lie_between_rows_of_their_class(make):
    rows = make([[0.0, 0.0], [1.0, 0.0], [0.0, 9.0], [5.0, 9.0], [7.0, 7.0]])
    more, labels = interpolate_rows(rows, ["a", "a", "b", "b", "c"], {"a": 4, "b": 1, "c": 2}, seed=0)
    more = more.toarray() if sparse.issparse(more) else more
    assert sorted(labels.tolist()) == ["a"] * 6 + ["b"] * 3 + ["c"] * 3
    new_a = more[5:][np.asarray(labels[5:]) == "a"]
    assert ((new_a[:, 0] >= 0) & (new_a[:, 0] <= 1) & (new_a[:, 1] == 0)).all()
    assert (more[np.asarray(labels) == "c"] == [7.0, 7.0]).all()


def test_interpolation_leaves_the_real_rows_first_and_untouched():
    rows = np.arange(12.0).reshape(6, 2)
    more, _ = interpolate_rows(rows, [0, 0, 0, 1, 1, 1], {0: 2, 1: 0}, seed=0)
    assert (more[:6] == rows).all()
    assert len(more) == 8


def test_a_classifier_that_is_not_there_is_an_error():
    with pytest.raises(InputError, match="classifier 'sklearn.dummy:Nothing' cannot be loaded"):
        load_classifier("sklearn.dummy:Nothing")


def test_something_that_cannot_be_fitted_is_no_classifier():
    with pytest.raises(InputError, match="has no fit and predict"):
        load_classifier("collections:OrderedDict")


def test_an_encoder_gives_rows_in_the_order_asked_for():
    features = EncoderFeatures(WordEncoder())
    both = features.transform(["cat", "dog"])
    assert (features.transform(["dog", "cat", "dog"]) == both[[1, 0, 1]]).all()


def test_svd_vectors_have_length_one_and_fit_few_texts():
    vectors = SvdFeatures().fit(["red cat", "red dog", "blue sea"]).transform(["red", "unknown"])
    assert vectors.shape[1] == 2
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1.0, 0.0])


def test_the_strength_is_chosen_on_training_rows_alone_where_asked():
    texts = [f"{word} {noun}" for word in ("good", "bad") for noun in "cat dog cow hen sun sea".split()]
    training = TrainingSet(labelled(texts, [1] * 6 + [0] * 6))
    assert fit_on(training, tfidf(), ["good elm"], is_tuned=True).strength in (0.1, 1.0, 10.0, 100.0)
    assert fit_on(training, tfidf(), ["good elm"]).strength is None
    assert fit_on(training, bayes(), ["good elm"], is_tuned=True).strength is None  # which has none
