"""SetFit and a fine-tuned transformer, on tiny random checkpoints that are made here."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from sklearn.base import clone
from transformers import BertConfig, BertModel, BertTokenizerFast, ModernBertConfig, ModernBertModel

from smotext import HashEncoder
from smotext.encoders.sentence import SentenceEncoder
from smotext.errors import InputError, ModelNotFoundError
from smotext.evaluation.classifier_identity import identity
from smotext.evaluation.classifiers import EncoderFeatures
from smotext.evaluation.fine_tuning import FineTunedTransformer, draw_pairs, fine_tuned, setfit
from smotext.evaluation.labelled_texts import NotApplicable, labelled
from smotext.evaluation.study import Study
from smotext.evaluation.time_estimate import estimate_study, fine_tunings
from smotext.evaluation.training_sets import TrainingSet, fit_predict, training_set
from smotext.fitting.choosing import FittingRows, candidates_for
from smotext.fitting.new_rows import NewRows
from tests.evaluation.doubles import NOUNS, Spy, two_classes


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Directories of a BERT and a ModernBERT of two layers, with one tokenizer of whole words."""
    torch.manual_seed(0)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "thing", *NOUNS]
    found = {}
    for name in ("bert", "modernbert"):
        directory = found[name] = tmp_path_factory.mktemp(name)
        (directory / "vocab.txt").write_text("\n".join(words))
        BertTokenizerFast(str(directory / "vocab.txt"), model_max_length=32).save_pretrained(directory)
        size = {"vocab_size": len(words), "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
        size |= {"intermediate_size": 32, "pad_token_id": 0, "max_position_embeddings": 64}
        if name == "bert":
            model = BertModel(BertConfig(**size))
        else:
            model = ModernBertModel(
                ModernBertConfig(**size, cls_token_id=2, sep_token_id=3, bos_token_id=2, eos_token_id=3)
            )
        model.save_pretrained(directory)
    return found


@pytest.fixture(scope="module")
def frozen(checkpoints):
    transformer = Transformer(str(checkpoints["bert"]), max_seq_length=32)
    model = SentenceTransformer(modules=[transformer, Pooling(32, pooling_mode="mean")], device="cpu")
    return EncoderFeatures(SentenceEncoder(model), "tiny random BERT")


def quick(frozen):
    return setfit(frozen).set_params(contrastivefeatures__learning_rate=3e-3, contrastivefeatures__most_pairs=160)


@pytest.mark.parametrize("name", ["bert", "modernbert"])
@pytest.mark.parametrize(("good", "bad"), [("good", "bad"), (1, 0)])
def test_a_transformer_learns_an_easy_task_and_gives_labels_back(checkpoints, name, good, bad):
    model = FineTunedTransformer(str(checkpoints[name]), least_steps=40, learning_rate=3e-3)
    data = two_classes(8)
    labels = [good if label == "good" else bad for label in data.labels]
    found = fit_predict(TrainingSet(labelled(data.texts, labels)), model, ["good zoo", "bad zoo"]).predicted
    assert found == [good, bad]


def test_a_fit_repeats_itself_and_leaves_the_process_its_random_numbers(checkpoints):
    model = FineTunedTransformer(str(checkpoints["bert"]), least_steps=3)
    data = two_classes(4)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first, again = (clone(model).fit(data.texts, data.labels).predict_proba(["good sun"]) for _ in range(2))
    assert torch.equal(torch.rand(3), expected)
    assert first == pytest.approx(again, abs=1e-6)
    other = clone(model).set_params(random_state=1).fit(data.texts, data.labels).predict_proba(["good sun"])
    assert other != pytest.approx(first, abs=1e-6)


def test_rows_of_no_weight_teach_a_transformer_nothing(checkpoints):
    model = FineTunedTransformer(str(checkpoints["bert"]), least_steps=40, learning_rate=3e-3)
    data = two_classes(6)
    wrong = ["bad" if label == "good" else "good" for label in data.labels]
    weights = np.repeat([1.0, 0.0], len(data))
    model.fit([*data.texts, *data.texts], [*data.labels, *wrong], sample_weight=weights)
    assert model.predict(["good zoo", "bad zoo"]).tolist() == ["good", "bad"]


def test_setfit_moves_a_class_together_and_leaves_the_frozen_encoder_as_it_was(frozen):
    data = two_classes(8)
    before = frozen.encoder.encode(["good zoo", "bad zoo"])
    model = quick(frozen)
    assert fit_predict(TrainingSet(data), model, ["good zoo", "bad zoo"]).predicted == ["good", "bad"]
    np.testing.assert_array_equal(frozen.encoder.encode(["good zoo", "bad zoo"]), before)
    vectors = model[0].fit(data.texts, data.labels).transform(["good zoo", "good urn", "bad urn"])
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2


def test_new_rows_teach_setfits_encoder_and_not_its_head(frozen, monkeypatch):
    from sklearn.linear_model import LogisticRegression

    from smotext.evaluation.fine_tuning import ContrastiveFeatures

    seen = {}
    fit_encoder, fit_head = ContrastiveFeatures.fit, LogisticRegression.fit
    monkeypatch.setattr(
        ContrastiveFeatures, "fit", lambda self, X, y: seen.update(encoder=len(X)) or fit_encoder(self, X, y)
    )
    monkeypatch.setattr(
        LogisticRegression, "fit", lambda self, X, y, **options: seen.update(head=len(y)) or fit_head(self, X, y)
    )
    data, new = two_classes(4), NewRows(("good thing", "bad thing"), ("good", "bad"), ((0,), (4,)))
    fit_predict(TrainingSet(data, new), quick(frozen), ["good zoo"])
    assert seen == {"encoder": 10, "head": 8}
    rows = FittingRows(data.texts, data.labels, new)
    assert [one.weight for one in candidates_for(quick(frozen), rows, strengths=())] == [0.0, 1.0]


def test_half_weight_says_why_setfit_has_none(frozen):
    study = Study(two_classes(6), models={}, generators={})
    with pytest.raises(NotApplicable, match="head is fitted on real rows alone"):
        training_set("word edits at half weight", study.fold(study.settings[0], 0), quick(frozen), NewRows())


def test_pairs_are_of_one_class_and_of_two_in_turn():
    labels = ["a", "a", "b", "b", "c"]
    pairs = draw_pairs(labels, 40, np.random.default_rng(0))
    assert [labels[one] == labels[other] for one, other, _ in pairs] == [True, False] * 20
    assert all(one != other for one, other, _ in pairs)
    assert draw_pairs(["a", "b"], 4, np.random.default_rng(0)) == [
        pair for pair in draw_pairs(["a", "b"], 4, np.random.default_rng(0)) if pair[2] == 0.0
    ]


def test_a_study_runs_both_and_its_estimate_counts_their_fits(checkpoints, frozen):
    transformer = FineTunedTransformer(str(checkpoints["bert"]), least_steps=2)
    models = {"SetFit": quick(frozen).set_params(contrastivefeatures__most_pairs=16), "fine-tuned": transformer}
    study = Study(
        two_classes(10),
        models=models,
        generators={"smotext": Spy()},
        conditions=["real + SMOTExT", "real + SMOTExT at half weight"],
        n_seeds=1,
        is_tuned=False,
    )
    assert estimate_study(study).fitting_s > 0
    found = {(result.cell.model, result.cell.condition): result for result in study.run()}
    assert len(found) == 6
    assert [key for key, result in found.items() if result.scores is None] == [
        ("SetFit", "real + SMOTExT at half weight")
    ]
    assert fine_tunings("real + SMOTExT at chosen weight", transformer, is_tuned=True) == 26
    assert fine_tunings("real + SMOTExT at chosen weight", models["SetFit"], is_tuned=True) == 11
    assert fine_tunings("real", transformer, is_tuned=True) == 1


def test_what_differs_in_a_setting_is_told_apart(frozen):
    assert identity(setfit(frozen)) == identity(setfit(EncoderFeatures(frozen.encoder, frozen.name)))
    assert identity(setfit(frozen)) != identity(setfit(EncoderFeatures(frozen.encoder, "another")))
    assert identity(setfit(frozen)) != identity(quick(frozen))
    assert identity(FineTunedTransformer("a")) != identity(FineTunedTransformer("b"))


def test_an_encoder_that_cannot_learn_is_refused():
    with pytest.raises(InputError, match=r"HashEncoder is none: name one, such as setfit:"):
        setfit(EncoderFeatures(HashEncoder()))


def test_a_model_that_is_not_there_or_pickled_is_refused_before_any_work(tmp_path):
    with pytest.raises(ModelNotFoundError, match="there is no directory"):
        fine_tuned(str(tmp_path / "missing"))
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(InputError, match=r"holds pickled weights \(pytorch_model.bin\)"):
        fine_tuned(str(tmp_path))


@pytest.mark.slow
def test_setfit_of_the_bundled_encoder_learns_from_few_texts():
    from smotext import load_encoder

    texts = ["My card was charged twice.", "I want my money back.", "The train was an hour late.", "My bus never came."]
    model = setfit(EncoderFeatures(load_encoder("tiny", dtype="float32")))
    data = labelled(texts, ["money", "money", "travel", "travel"])
    assert fit_predict(TrainingSet(data), model, ["Refund me.", "The tram is delayed."]).predicted == [
        "money",
        "travel",
    ]
