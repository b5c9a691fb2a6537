"""A durable run keeps each step, goes on where it stopped, and lets no row block the others."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from runs_doubles import Listener, make_plan, rows_of, targets_of

from smotext.errors import CapReached, InputError, RunError, RunStopped, SmotextWarning
from smotext.runs.durable import DurableRun
from smotext.runs.retry import TRIES
from smotext.runs.run_directory import RunDirectory
from smotext.runs.stopping import Stopper


@pytest.fixture
def folder(tmp_path):
    folder = RunDirectory.open(tmp_path / "o.run", {})
    yield folder
    folder.close()


def start(folder, **caps):
    return DurableRun(folder, stopper=Stopper(**caps), progress=Listener())


def never(*_):
    raise AssertionError("made a second time")


def texts_of(parts):
    return [text for part in parts for text in part["text"]]


def test_vectors_and_plan_are_made_once(folder):
    vectors = np.arange(4, dtype=np.float32).reshape(2, 2)
    np.testing.assert_array_equal(start(folder).vectors(2, lambda on_progress: vectors), vectors)
    np.testing.assert_array_equal(start(folder).vectors(2, never), vectors)
    assert start(folder).plan(0, lambda: make_plan(3)).ordinals.tolist() == [0, 1, 2]
    assert start(folder).plan(0, never).ordinals.tolist() == [0, 1, 2]


def test_rows_come_back_in_order_and_are_not_written_again(folder):
    groups = list(make_plan(5).groups(2))
    first = list(start(folder).decode(0, groups, targets_of, rows_of))
    again = list(start(folder).decode(0, groups, targets_of, never))
    assert texts_of(first) == ["0", "1", "2", "3", "4"]
    for one, two in zip(first, again, strict=True):
        pd.testing.assert_frame_equal(one, two)


def test_resuming_tells_how_many_rows_there_were(folder):
    groups = list(make_plan(5).groups(2))
    run = start(folder)
    run.plan(0, lambda: make_plan(5))
    rows = run.decode(0, groups, targets_of, rows_of)
    next(rows)
    rows.close()
    run = start(folder)
    run.plan(0, never)
    assert texts_of(run.decode(0, groups, targets_of, rows_of)) == ["0", "1", "2", "3", "4"]
    assert run.progress.lines == ["resumed 2 rows"]
    assert run.progress.steps == [("writing", 5, 2)]
    assert run.progress.n_rows == 3


def test_rounds_are_kept_apart(folder):
    run = start(folder)
    assert texts_of(run.decode(0, make_plan(2).groups(2), targets_of, rows_of)) == ["0", "1"]
    assert texts_of(run.decode(1, make_plan(3).groups(2), targets_of, rows_of)) == ["0", "1", "2"]


def test_a_group_that_fails_once_is_written_at_the_second_try(folder):
    calls = []

    def write(group, targets):
        calls.append(len(group))
        if len(calls) == 1:
            raise RuntimeError("device hiccup")
        return rows_of(group, targets)

    assert texts_of(start(folder).decode(0, make_plan(2).groups(2), targets_of, write)) == ["0", "1"]
    assert calls == [2, 2]


def test_a_row_that_always_fails_is_recorded_and_blocks_nothing(folder):
    def write(group, targets):
        if 2 in group.ordinals:
            raise RuntimeError("bad row")
        return rows_of(group, targets)

    rows = pd.concat(start(folder).decode(0, make_plan(4).groups(4), targets_of, write), ignore_index=True)
    assert rows["text"].tolist() == ["0", "1", "", "3"]
    assert rows["accepted"].tolist() == [True, True, False, True]
    assert rows["reason"][2] == "decoding failed: RuntimeError: bad row"
    assert rows["key"].tolist() == ["a/0/0/0", "a/1/0/0", "a/2/0/0", "a/3/0/0"]
    assert folder.events("decoded")[0]["failed"] == [{"key": "a/2/0/0", "reason": rows["reason"][2]}]
    assert texts_of(start(folder).decode(0, make_plan(4).groups(4), targets_of, never)) == rows["text"].tolist()


def test_a_group_that_fails_whole_stops_the_run_and_is_given_up_in_the_next_process(folder):
    calls = []

    def write(group, targets):
        calls.append(len(group))
        if 0 in group.ordinals or 1 in group.ordinals:
            raise RuntimeError("no device")
        return rows_of(group, targets)

    with pytest.raises(RunError, match="no row of decode group 0 can be decoded: RuntimeError: no device"):
        list(start(folder).decode(0, make_plan(4).groups(2), targets_of, write))
    assert calls == [2] * TRIES + [1] * 2 * TRIES
    assert list((folder.path / "parts").iterdir()) == []
    rows = pd.concat(start(folder).decode(0, make_plan(4).groups(2), targets_of, write), ignore_index=True)
    assert rows["text"].tolist() == ["", "", "2", "3"]
    assert rows["accepted"].tolist() == [False, False, True, True]


def test_a_group_of_failing_rows_alone_blocks_nothing_while_other_rows_can_be_written(folder):
    def write(group, targets):
        if (group.attempts > 0).any():
            raise ConnectionError("these rows are bad")
        return rows_of(group, targets)

    later = replace(make_plan(2), attempts=np.ones(2, dtype=np.int64))
    run = start(folder)
    assert texts_of(run.decode(0, make_plan(4).groups(4), targets_of, write)) == ["0", "1", "2", "3"]
    rows = pd.concat(run.decode(1, later.groups(4), targets_of, write))
    assert rows["reason"].tolist() == ["decoding failed: ConnectionError: these rows are bad"] * 2


def test_an_engine_that_breaks_down_stops_the_run_at_the_first_row_too(folder):
    is_broken = []

    def write(group, targets):
        if is_broken:
            raise RuntimeError("device lost")
        return rows_of(group, targets)

    rows = start(folder).decode(0, make_plan(3).groups(1), targets_of, write)
    next(rows)
    is_broken.append(True)
    with pytest.raises(RunError, match="decode group 1 can be decoded: RuntimeError: device lost"):
        next(rows)
    assert len(list((folder.path / "parts").iterdir())) == 1


@pytest.mark.parametrize("error", [InputError("top_p is 3"), OSError(28, "No space left on device")])
def test_an_error_that_is_no_rows_fault_is_not_tried_again(folder, error):
    calls = []

    def write(group, targets):
        calls.append(1)
        raise error

    with pytest.raises(type(error), match="top_p is 3|No space left"):
        list(start(folder).decode(0, make_plan(4).groups(2), targets_of, write))
    assert calls == [1]


def test_what_a_decoder_warns_of_is_shown_and_noted_in_the_manifest(folder):
    def write(group, targets):
        warnings.warn("batch halved to 1", SmotextWarning, stacklevel=1)
        return rows_of(group, targets)

    with pytest.warns(SmotextWarning, match="batch halved to 1"):
        list(start(folder).decode(0, make_plan(2).groups(2), targets_of, write))
    assert folder.events("decoded")[0]["notes"] == ["batch halved to 1"]


def test_the_token_cap_stops_at_the_row_that_reaches_it_and_the_next_process_goes_on(folder):
    groups = list(make_plan(6).groups(4))  # 10 tokens a row
    seen = []
    with pytest.raises(CapReached, match="max_tokens=30 is reached: 30 tokens were written"):
        seen.extend(start(folder, max_tokens=30).decode(0, groups, targets_of, rows_of))
    assert texts_of(seen) == ["0", "1", "2"]
    assert texts_of(start(folder, max_tokens=30).decode(0, groups, targets_of, rows_of)) == list("012345")


def test_without_a_cap_a_group_is_decoded_whole_and_with_one_in_pieces_that_it_has_room_for(folder):
    sizes = []

    def write(group, targets):
        sizes.append(len(group))
        return rows_of(group, targets)

    list(start(folder).decode(0, make_plan(5).groups(4), targets_of, write))
    assert sizes == [4, 1]
    sizes.clear()
    list(start(folder, max_tokens=1000).decode(1, make_plan(40).groups(40), targets_of, write))
    assert sizes == [7, 33]  # 1000 / 128, and then 93 rows of 10 tokens would fit


def test_the_words_of_a_decoder_that_counts_no_tokens_are_capped(folder):
    def write(group, targets):
        return rows_of(group, targets).assign(n_tokens=-1, text="two words")

    with pytest.raises(CapReached, match="max_tokens=3 is reached: 4 tokens were written"):
        list(start(folder, max_tokens=3).decode(0, make_plan(9).groups(9), targets_of, write))


def test_the_minutes_cap_leaves_out_a_row_that_would_end_too_late():
    now = [0.0]
    stopper = Stopper(max_minutes=1, clock=lambda: now[0])
    for _ in range(2):
        stopper.check()
        now[0] += 25.0
        stopper.count(tokens=1, seconds=25.0, rows=1)
    with pytest.raises(CapReached, match="max_minutes=1 would be passed"):
        stopper.check()  # 50 s are gone and a third row would end at 75 s


def test_one_row_is_decoded_however_small_the_cap(folder):
    rows = start(folder, max_tokens=1).decode(0, make_plan(4).groups(2), targets_of, rows_of)
    assert texts_of([next(rows)]) == ["0"]


@pytest.mark.parametrize("cap", [{"max_minutes": 0}, {"max_tokens": -1}, {"max_minutes": float("nan")}])
def test_a_cap_of_nothing_is_an_error(cap):
    with pytest.raises(InputError, match="expected more than 0"):
        Stopper(**cap)


def test_the_first_interrupt_finishes_the_group_and_the_second_strikes(folder):
    import signal

    heard, before = [], signal.getsignal(signal.SIGINT)  # a job in the background of a shell ignores it
    run = DurableRun(folder, stopper=Stopper(on_interrupt=heard.append), progress=Listener())

    def write(group, targets):
        if 0 in group.ordinals:
            signal.raise_signal(signal.SIGINT)
        return rows_of(group, targets)

    seen = []
    with pytest.raises(RunStopped, match="interrupted") as stop:
        seen.extend(run.decode(0, make_plan(4).groups(2), targets_of, write))
    assert not isinstance(stop.value, CapReached)
    assert texts_of(seen) == ["0", "1"]
    assert heard == ["finishing the group; Ctrl-C again stops at once"]

    def write_twice_interrupted(group, targets):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    rows = start(folder).decode(0, make_plan(4).groups(2), targets_of, write_twice_interrupted)
    next(rows)
    with pytest.raises(KeyboardInterrupt):
        next(rows)
    assert signal.getsignal(signal.SIGINT) is before
