"""Made-up numbers, dates and identifiers in place of real ones."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from smotext import EchoDecoder, HashEncoder, SMOTExT
from smotext.data.surrogates import surrogate, values_in, with_surrogates
from smotext.errors import InputError
from smotext.privacy import Privacy
from smotext.protocols import Decoded


def marked(text: str) -> str:
    """Return the text with the kind of each value in its place."""
    for kind, value in values_in(text):
        text = text.replace(value, f"[{kind}]", 1)
    return text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I paid 1,299.50 for 2 of them", "I paid [NUMBER] for [NUMBER] of them"),
        ("on 03/14/2021, not 14.3.21.", "on [DATE], not [DATE]."),
        ("since March 3rd, 2020 and 12 Sept 2019 or May 2018", "since [DATE] and [DATE] or [DATE]"),
        ("at 18:05 or 6:05 p.m. sharp", "at [TIME] or [TIME] sharp"),
        ("ticket #INC0012345, flight LH441, order 4711-AX", "ticket [ID], flight [ID], order [ID]"),
        ("card 4539 1488 0343 6467", "card [ID]"),
        ("key 123e4567-e89b-12d3-a456-426614174000", "key [ID]"),
        ("server 10.0.0.16 runs 2.7", "server [ID] runs [NUMBER]"),
        ("see https://acme.com/a?b=1, or write to a.b@acme.co.uk.", "see [URL], or write to [EMAIL]."),
        ("the mp3 of U2 and the 2nd B52, may be", "the mp3 of U2 and the 2nd [ID], may be"),
        ("nothing to hide, May be", "nothing to hide, May be"),
    ],
)
def test_what_is_hidden(text: str, expected: str) -> None:
    assert marked(text) == expected


@pytest.mark.parametrize(
    ("kind", "value", "form"),
    [
        ("NUMBER", "1,299.50", r"[1-9],\d{3}\.\d\d"),
        ("NUMBER", "7", r"[1-9]"),
        ("DATE", "2021-03-14", r"2021-(0[1-9]|1[0-2])-(0[1-9]|1[0-2])"),
        ("DATE", "3/14/21", r"([1-9]|1[0-2])/(0[1-9]|1[0-2])/21"),
        ("DATE", "March 3rd, 2020", r"[A-Z][a-z]+ \d{1,2}th, 2020"),
        ("TIME", "6:05 p.m.", r"([1-9]|1[0-2]):[0-5][05] p\.m\."),
        ("TIME", "18:05", r"(1[3-9]|2[0-3]):[0-5][05]"),
        ("ID", "INC0012345", r"INC\d{7}"),
        ("ID", "+49 30 1234567", r"\+\d\d \d\d \d{7}"),
        ("ID", "10.0.0.16", r"\d{1,2}\.\d\.\d\.\d{1,2}"),
        ("ID", "4711-AX", r"\d{4}-[A-Z]{2}"),
        ("EMAIL", "bob@acme.com", r"[a-z]+\d\d@example\.com"),
        ("URL", "www.acme.com", r"https://www\.example\.com/\d{3}"),
    ],
)
def test_values_are_made_up_in_the_same_form(kind: str, value: str, form: str) -> None:
    made = {surrogate(kind, value, seed=seed, taken={value}) for seed in range(30)}
    assert all(re.fullmatch(form, one) for one in made), made
    assert len(made) > 3
    assert surrogate(kind, value, seed=5) == surrogate(kind, value, seed=5)
    if kind in ("ID", "EMAIL", "URL"):
        assert value not in made


def test_a_value_is_replaced_alike_wherever_it_stands() -> None:
    first, second = with_surrogates(["AB-1234, I mean AB-1234", "where is AB-1234"], seed=1)
    assert len(set(re.findall(r"AB-\d{4}", f"{first} {second}"))) == 1
    assert "AB-1234" not in first + second


TEXTS = [f"order AB-{1000 + i} of {i + 1} lamps came on 2021-03-{10 + i}" for i in range(8)]
LABELS = ["late"] * 8
ORDERS = [f"AB-{1000 + i}" for i in range(8)]


class Showing(EchoDecoder):
    """Remembers the texts that it was shown."""

    examples = 2

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []

    def decode_rows(self, vectors: np.ndarray, **options: Any) -> list[Decoded]:
        self.shown += [text for row in options.pop("examples", []) for text in row]
        return super().decode_rows(vectors, **options)


class Seen(HashEncoder):
    """Remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def encode(self, texts: Any) -> Any:
        self.texts += texts
        return super().encode(texts)


def test_no_model_sees_a_real_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMOTEXT_CACHE", "off")
    decoder, encoder = Showing(), Seen()
    smx = SMOTExT(encoder=encoder, decoder=decoder, hide_values=True, random_state=0, candidates=2, filters=["short"])
    made = smx.generate(TEXTS, LABELS, n=6)
    assert decoder.shown
    assert all(re.match(r"order AB-\d{4} of \d lamps came on 2021-\d\d-\d\d$", text) for text in decoder.shown)
    assert not any(real in text for real in ORDERS for text in [*encoder.texts, *decoder.shown])
    more = smx.generate(TEXTS, LABELS, n=9)
    assert more["text"].tolist()[:6] == made["text"].tolist()


def test_real_texts_come_back_as_they_were() -> None:
    smx = SMOTExT("echo", hide_values=True, random_state=0, candidates=1)
    texts, _ = smx.fit_resample([*TEXTS, *(f"fine lamp {i}" for i in range(7))], [*LABELS, *["good"] * 7])
    assert texts[: len(TEXTS)] == TEXTS


def test_forms_of_real_values_do_not_go_with_privacy() -> None:
    with pytest.raises(InputError, match="hide_values=True: "):
        SMOTExT("echo", hide_values=True, privacy=Privacy("average", group_size=2)).generate(
            TEXTS, LABELS, n={"late": 2}
        )


def test_the_option_is_true_or_false() -> None:
    with pytest.raises(InputError, match="hide_values is 'yes': expected True or False"):
        SMOTExT("echo", hide_values="yes").generate(TEXTS, LABELS, n=1)
