from __future__ import annotations

import threading

from smotext.app.turns import Turns


def test_who_asked_first_is_served_first():
    turns, served, waiting = Turns(), [], []

    def ask(number: int) -> None:
        with turns.taken():
            served.append(number)

    with turns.taken():
        for number in range(4):
            thread = threading.Thread(target=ask, args=(number,))
            thread.start()
            while turns.n_waiting <= number:
                threading.Event().wait(0.001)
            waiting.append(thread)
        assert served == []
    for thread in waiting:
        thread.join(10)
    assert served == [0, 1, 2, 3]
    assert turns.n_waiting == 0


def test_an_error_gives_the_turn_up():
    turns = Turns()
    try:
        with turns.taken():
            raise RuntimeError
    except RuntimeError:
        pass
    with turns.taken():
        assert turns.n_waiting == 0
