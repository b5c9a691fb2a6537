import threading

import pytest

from smotext.errors import RunError
from smotext.evaluation.results_file import Store


def test_values_are_there_after_a_restart(tmp_path):
    Store(tmp_path / "new" / "cells.jsonl").put({"seed": 1, "model": "ä"}, {"score": [0.5, None]})
    assert Store(tmp_path / "new" / "cells.jsonl").get({"model": "ä", "seed": 1}) == {"score": [0.5, None]}


def test_a_line_cut_off_by_a_crash_is_done_again(tmp_path):
    path = tmp_path / "cells.jsonl"
    store = Store(path)
    store.put({"seed": 1}, 1)
    store.put({"seed": 2}, 2)
    path.write_bytes(path.read_bytes()[:-6])
    again = Store(path)
    assert (again.get({"seed": 1}), again.get({"seed": 2})) == (1, None)
    again.put({"seed": 2}, 3)
    last = Store(path)
    assert (last.get({"seed": 1}), last.get({"seed": 2})) == (1, 3)


def test_a_line_that_another_process_tore_later_spoils_no_other(tmp_path):
    path = tmp_path / "cells.jsonl"
    store = Store(path)
    store.put({"seed": 1}, 1)
    with open(path, "ab") as other:
        other.write(b'{"key": {"seed": 7}, "val')  # it died there
    store.put({"seed": 2}, 2)
    again = Store(path)
    assert [again.get({"seed": seed}) for seed in (1, 2, 7)] == [1, 2, None]


def test_a_line_that_another_process_is_writing_is_waited_for(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    path, opened = tmp_path / "cells.jsonl", []
    Store(path).put({"seed": 1}, 1)
    with open(path, "ab", buffering=0) as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write(b'{"key": {"seed": 7}, ')
        waiting = threading.Thread(target=lambda: opened.append(Store(path)))
        waiting.start()
        waiting.join(0.3)
        assert not opened
        other.write(b'"value": 7}\n')
    waiting.join()
    assert [opened[0].get({"seed": seed}) for seed in (1, 7)] == [1, 7]


def test_a_foreign_line_is_an_error_and_nothing_is_lost(tmp_path):
    path = tmp_path / "cells.jsonl"
    path.write_text('hello\n{"key": {}, "value": 1}\n')
    with pytest.raises(RunError, match="line 1 is no finished cell"):
        Store(path)
    assert path.read_text().startswith("hello")
