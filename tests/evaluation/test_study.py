import itertools
from typing import ClassVar

import numpy as np
import pytest

from smotext.errors import InputError
from smotext.evaluation.classifiers import FROZEN, TFIDF, frozen_encoder, tfidf
from smotext.evaluation.conditions import BUILT_IN, CONDITIONS, GENERATOR_OF
from smotext.evaluation.data_sizes import Setting
from smotext.evaluation.labelled_texts import NotApplicable, labelled
from smotext.evaluation.statistics import verdict
from smotext.evaluation.study import Study
from smotext.evaluation.study_report import make_report, markdown
from smotext.evaluation.summary import ScoreSeries
from smotext.evaluation.time_estimate import estimate_study
from smotext.filters.near_duplicates import overlaps
from smotext.fitting.new_rows import NewRows
from tests.evaluation.doubles import NOUNS, Spy, WordEncoder, bayes, two_classes


def _study(spy=None, **options):
    defaults = {"models": {"bayes": bayes()}, "generators": {"smotext": spy or Spy()}, "n_seeds": 5}
    return Study(options.pop("data", two_classes(20)), **{**defaults, **options})


def test_every_condition_is_scored_for_every_model_setting_and_seed():
    study = _study(test=two_classes(5, start=30), settings=[Setting("shots", 3), Setting("shots", 6)], n_seeds=2)
    results = study.run()
    combinations = {(r.cell.setting, r.cell.seed, r.cell.condition) for r in results}
    assert combinations == set(itertools.product(["shots-3", "shots-6"], [0, 1], study.conditions))
    assert all((result.scores is None) == bool(result.skipped) for result in results)


def test_a_generator_never_sees_a_row_that_is_tested():
    spy = Spy()
    study = _study(spy, conditions=["real + SMOTExT"])
    study.run()
    for seed, (texts, _, _, _) in enumerate(spy.calls):
        assert set(texts).isdisjoint(study.design.parts(seed).test.texts)
    assert len(spy.calls) == 5


def test_a_near_duplicate_of_a_tested_row_is_no_parent():
    data = two_classes(20)
    copies = labelled([*data.texts, *(f"{text.upper()}!" for text in data.texts)], data.labels * 2)
    spy = Spy()
    study = _study(spy, data=copies, conditions=["real + SMOTExT"])
    study.run()
    for seed, (texts, _, _, _) in enumerate(spy.calls):
        assert not overlaps(study.design.parts(seed).test.texts, texts).any()


def test_a_test_row_planted_among_the_training_rows_is_dropped_and_counted():
    test = two_classes(5, start=30)
    data = two_classes(20)
    leaky = labelled([*data.texts, test.texts[0]], [*data.labels, test.labels[0]])
    results = _study(data=leaky, test=test, conditions=["duplicated"], n_seeds=1).run()
    assert {(result.n_dropped, result.n_test) for result in results} == {(1, 9)}


def test_synthetic_texts_that_repeat_a_test_row_are_dropped_and_counted():
    test = two_classes(5, start=30)
    cheat = Spy(
        write=lambda label, number: test.texts[test.labels.index(label)] if number == 0 else f"{label} {number}"
    )
    results = _study(cheat, test=test, settings=[Setting(per_class=4)], conditions=["SMOTExT only"], n_seeds=1).run()
    only = next(result for result in results if result.cell.condition == "SMOTExT only")
    assert (only.n_leaked, only.n_train) == (2, 6)


def test_only_training_texts_are_fitted_on():
    class Recorder:
        fitted: tuple = ()

        def get_params(self, deep=True):
            return {}

        def __sklearn_clone__(self):
            return self

        def fit(self, texts, labels):
            self.fitted = tuple(texts)
            return self

        def predict(self, texts):
            return ["good"] * len(texts)

    recorder = Recorder()
    study = _study(models={"recorder": recorder}, conditions=["real"], n_seeds=1)
    study.run()
    parts = study.design.parts(0)
    assert recorder.fitted == parts.train.texts
    assert not overlaps(parts.test.texts, recorder.fitted).any()


def test_a_stopped_study_keeps_what_is_done_and_goes_on(tmp_path):
    spy = Spy()
    few = ["real + SMOTExT", "SMOTExT only", "duplicated", "word edits", "class weights"]
    stopped = _study(spy, folder=tmp_path, n_seeds=2, conditions=few)
    done = []

    def stop_after_four(result):
        done.append(result)
        if len(done) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped.run(stop_after_four)
    again, later = Spy(), []
    resumed = _study(again, folder=tmp_path, n_seeds=2, conditions=few)
    assert [result.cell for result in resumed.results()] == [result.cell for result in done]
    results = resumed.run(later.append)
    assert {result.cell for result in later}.isdisjoint(result.cell for result in done)
    assert [seed for _, _, _, seed in again.calls] == [resumed.fold(Setting(), 1).seed]  # the first was kept
    whole = _study(Spy(), n_seeds=2, conditions=few).run()
    assert [(r.cell, r.scores) for r in results] == [(r.cell, r.scores) for r in whole]


def test_other_data_or_another_generator_are_computed_anew(tmp_path):
    class Other(Spy):
        fingerprint = "other"

    first = _study(folder=tmp_path, n_seeds=1)
    first.run()
    assert len(_study(folder=tmp_path, n_seeds=1).results()) == len(first.all_cells())
    assert _study(folder=tmp_path, n_seeds=1, data=two_classes(19)).results() == []
    kept = {result.cell.condition for result in _study(Other(), folder=tmp_path, n_seeds=1).results()}
    assert kept == {name for name in first.conditions if GENERATOR_OF.get(name) != "smotext"}


def test_conditions_without_a_generator_are_left_out():
    found = _study(generators={}).conditions
    assert found == [name for name in CONDITIONS if GENERATOR_OF.get(name, "copies") in BUILT_IN]
    assert "duplicated" in found
    assert "prompting" not in found


def test_closeness_compares_synthetic_with_held_out_texts():
    copier = Spy(write=lambda label, number: f"{label} cat")
    encoder = WordEncoder()
    study = _study(copier, encoder=encoder, models={FROZEN: frozen_encoder(encoder)}, n_seeds=1)
    assert study.closeness() == []  # no texts yet
    study.run()
    (found,) = study.closeness()
    assert found.synthetic.nearest_cosine[-1] >= found.held_out.nearest_cosine[-1]
    assert make_report(study).closeness == [found]


def test_closeness_sees_the_copies_of_the_last_class():
    # texts come class by class: the first 500 are all of one class
    liar = Spy(write=lambda label, number: "good cat" if label == "good" else f"x{number} y z")
    encoder = WordEncoder()
    settings = [Setting("shots", 20, per_class=600)]
    options = {"test": two_classes(5, start=30), "settings": settings, "conditions": ["SMOTExT only"], "n_seeds": 1}
    study = _study(liar, encoder=encoder, **options)
    study.run()
    (found,) = study.closeness()
    assert (found.synthetic.longest_copy[-1], found.synthetic.n_texts) == (2, 1200)
    assert found.synthetic.nearest_cosine[-1] == pytest.approx(1.0)
    assert found.held_out.n_texts == 10


class _Spoiler(Spy):
    """Writes the same texts whatever the seed, some of them of the other class."""

    def __init__(self):
        super().__init__(write=lambda label, number: f"{'bad' if label == 'good' else 'good'} {NOUNS[number]} owl")


def test_with_a_given_test_set_and_all_rows_the_interval_speaks_of_other_test_rows():
    # every seed has the same rows and the same texts: ten times the same difference, and yet no certainty
    study = _study(_Spoiler(), test=two_classes(4, start=20), conditions=["real + SMOTExT"], n_seeds=10)
    study.run()
    (one,) = make_report(study).verdicts
    by_seed = ScoreSeries.of(study.results()).differences(
        *((one.setting, one.model, c) for c in ("real + SMOTExT", "real"))
    )
    assert len(set(by_seed.tolist())) == 1
    assert one.gain.standard_error >= 100 / 8  # one of the eight test rows
    assert one.gain.low < one.gain.mean < one.gain.high


def test_where_two_conditions_agree_on_all_of_a_few_test_rows_little_is_known():
    study = _study(test=two_classes(5, start=30), conditions=["duplicated"])
    study.run()
    (_, row) = make_report(study).rows
    assert (row.gain.mean, row.gain.standard_error) == (0.0, 100 / 10)
    assert verdict(row.gain) == "too little data to tell"


def test_more_seeds_do_not_remove_the_chance_of_the_test_rows():
    def error(n_seeds):
        study = _study(_Spoiler(), test=two_classes(10, start=20), conditions=["real + SMOTExT"], n_seeds=n_seeds)
        study.run()
        return make_report(study).verdicts[0].gain.standard_error

    assert error(20) == pytest.approx(error(5))
    assert error(5) > 0


def test_resampled_scores_survive_a_restart_and_other_designs_have_none(tmp_path):
    options = {"conditions": ["duplicated"], "n_seeds": 2, "test": two_classes(5, start=30)}
    settings = [Setting(), Setting("shots", 20), Setting("shots", 3)]
    results = _study(folder=tmp_path, settings=settings, **options).run()
    again = _study(folder=tmp_path, settings=settings, **options)
    assert again.results() == results
    assert {result.cell.setting for result in results if result.resampled} == {"all", "shots-20"}
    assert "but at all, shots-20, every seed has the same training rows" in again.description
    lines = (tmp_path / "cells.jsonl").read_text().splitlines()
    assert ["resampled" in line for line in lines] == ["shots-3" not in line for line in lines]
    assert not any(result.resampled for result in _study(conditions=["duplicated"]).run())


def test_one_class_is_an_error():
    with pytest.raises(InputError, match="a classifier needs 2 or more"):
        _study(data=labelled(["a", "b"], ["x", "x"]))


def test_the_estimate_counts_what_is_left():
    study = _study(conditions=["real + SMOTExT", "duplicated"], settings=[Setting(per_class=7)])
    left = estimate_study(study)
    assert (left.n_cells, left.n_done, left.n_texts) == (15, 0, 5 * 2 * 7)
    assert left.seconds > 0
    study.run()
    assert estimate_study(study).seconds == 0


def test_the_estimate_makes_no_text_twice(tmp_path):
    first = _study(conditions=["real + SMOTExT"], n_seeds=2, folder=tmp_path)
    first.run()
    more = _study(conditions=["real + SMOTExT", "SMOTExT only"], n_seeds=3, folder=tmp_path)
    assert estimate_study(more).n_texts == sum(more.fold(Setting(), 2).new_rows.values())


def test_a_filter_is_fitted_on_training_texts_alone():
    from smotext import EchoDecoder, HashEncoder, SMOTExT
    from smotext.evaluation.generators import default_generators

    class Watcher:
        name = "watcher"
        fitted: ClassVar[list] = []

        def fit(self, real):
            self.fitted.append(tuple(real.texts))
            return self

        def __call__(self, batch):
            return np.ones(len(batch), dtype=bool), {}

    sampler = SMOTExT(encoder=HashEncoder(64), decoder=EchoDecoder(64), filters=[Watcher()])
    study = Study(
        two_classes(20), {"bayes": bayes()}, default_generators(sampler), conditions=["real + SMOTExT"], n_seeds=3
    )
    study.run()
    assert len(Watcher.fitted) == 3
    for seed, texts in enumerate(Watcher.fitted):
        assert set(texts) == set(study.design.parts(seed).train.texts)


def test_adaptation_sees_the_training_texts_alone_and_its_time_is_estimated():
    from smotext import EchoDecoder, HashEncoder, SMOTExT
    from smotext.evaluation.generators import default_generators

    seen = []

    def adapt(encoder, decoder, texts, seed):
        seen.append(set(texts))
        return EchoDecoder(64)

    sampler = SMOTExT(encoder=HashEncoder(64), decoder=EchoDecoder(64))
    generators = default_generators(sampler, adapt=adapt)
    study = Study(two_classes(20), {"bayes": bayes()}, generators, conditions=["real + SMOTExT"], n_seeds=3)
    study.run()
    folds = [set(study.design.parts(seed).train.texts) for seed in range(3)]
    assert seen == folds
    more = Study(two_classes(20), {"bayes": bayes()}, generators, conditions=["real + SMOTExT"], n_seeds=1)
    assert estimate_study(more).generating_s > 0
    assert seen[3:] == folds[:1]  # once for the estimate, not once per probed text


class Refuses(Spy):
    def __call__(self, texts, labels, n_new, seed):
        super().__call__(texts, labels, n_new, seed)
        raise NotApplicable("not run: there is no model")


def test_what_a_generator_cannot_make_is_told_as_not_run_and_the_rest_goes_on():
    study = _study(generators={"smotext": Spy(), "prompting": Refuses()}, conditions=["prompting", "duplicated"])
    skipped = {result.cell.condition: result.skipped for result in study.run() if result.skipped}
    assert skipped == {"prompting": "not run: there is no model"}
    assert estimate_study(_study(generators={"prompting": Refuses()}, conditions=["prompting"])).n_texts == 0
    assert "| prompting | | | | | not applicable: not run: there is no model |" in markdown(make_report(study))


def test_a_weight_is_chosen_without_the_rows_it_is_scored_on_and_texts_are_written_once(tmp_path):
    class Knows(Spy):
        """Makes one row of each real one, and says so."""

        def __call__(self, texts, labels, n_new, seed):
            super().__call__(texts, labels, n_new, seed)
            rows = [number for number, label in enumerate(labels) if n_new.get(label)]
            return NewRows(
                tuple(f"{labels[row]} and {texts[row]}" for row in rows),
                tuple(labels[row] for row in rows),
                tuple((row,) for row in rows),
            )

    options = {"folder": tmp_path, "n_seeds": 2, "conditions": ["real + SMOTExT", "real + SMOTExT at chosen weight"]}
    spy = Knows()
    results = _study(spy, **options).run()
    assert len(spy.calls) == 2  # four fifths of the rows are usable in every fold of the choice
    weights = [result.weight for result in results if result.cell.condition.endswith("chosen weight")]
    assert set(weights) <= {0.0, 0.1, 0.25, 0.5, 1.0}
    again = Knows()
    kept = _study(again, **options)
    assert kept.run() == results
    assert again.calls == []


def test_texts_of_unknown_sources_are_written_anew_where_a_weight_is_chosen_and_kept(tmp_path):
    spy, models = Spy(), {"bayes": bayes(), "again": bayes()}
    conditions = ["real + SMOTExT at chosen weight"]
    _study(spy, folder=tmp_path, models=models, n_seeds=1, conditions=conditions).run()
    assert len(spy.calls) == 1 + 5  # for both models together
    whole, *parts = (set(texts) for texts, _, _, _ in spy.calls)
    assert all(part < whole for part in parts)


def test_the_strength_is_chosen_for_every_condition_alike():
    options = {"models": {TFIDF: tfidf()}, "conditions": ["duplicated", "class weights", "SMOTE on features"]}
    study = _study(n_seeds=1, data=two_classes(10), **options)
    scored = [result for result in study.run() if result.scores is not None]
    assert all(result.strength in (0.1, 1.0, 10.0, 100.0) for result in scored)
    plain = _study(n_seeds=1, data=two_classes(10), is_tuned=False, **options)
    assert {result.strength for result in plain.run()} == {None}


def test_a_cap_on_new_rows_is_another_study_of_the_same_name(tmp_path):
    for most, n_new in ((None, 32), (8, 8)):
        spy = Spy()
        settings = [Setting(most=most)]
        _study(spy, folder=tmp_path, settings=settings, conditions=["real + SMOTExT"], n_seeds=1).run()
        assert sum(spy.calls[0][2].values()) == n_new
