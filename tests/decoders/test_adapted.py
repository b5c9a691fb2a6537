from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from smotext.decoders.adapted import as_decoder
from smotext.decoders.echo import EchoDecoder
from smotext.errors import InputError
from smotext.privacy.likelihood import Scorer
from smotext.protocols import class_name, name_of

VECTORS = np.zeros((2, 3), dtype=np.float32)


class Plain:
    """All that a caller's own decoder has to have."""

    def decode(self, vectors: Any, **options: Any) -> Any:
        return [f"text {row}" for row in range(len(vectors))]


class Scoring(Plain):
    """Has more than the method asks for."""

    fingerprint = "scoring-1"

    def log_likelihood(self, texts: Any, vectors: Any, **options: Any) -> Any:
        return np.zeros(len(texts))


def test_a_decoder_that_has_everything_is_left_as_it_is() -> None:
    decoder = EchoDecoder()
    assert as_decoder(decoder) is decoder


def test_what_a_decoder_lacks_is_filled_in() -> None:
    decoder = as_decoder(Plain())
    assert (decoder.vector_dim, decoder.examples, decoder.most_new_tokens) == (None, None, None)
    assert (decoder.max_new_tokens, list(decoder.prompts)) == (128, [""])
    assert decoder.count_tokens(["a"]) is None
    assert [(row.text, row.n_tokens) for row in decoder.decode_rows(VECTORS)] == [("text 0", -1), ("text 1", -1)]
    assert as_decoder(decoder) is decoder


def test_a_decoder_without_a_fingerprint_goes_by_the_name_of_its_class() -> None:
    assert (name_of(as_decoder(Plain())), class_name(as_decoder(Plain()))) == ("Plain", "Plain")
    assert (name_of(as_decoder(Scoring())), class_name(as_decoder(Scoring()))) == ("scoring-1", "Scoring")


def test_what_a_decoder_has_beside_is_still_there() -> None:
    decoder = as_decoder(Scoring())
    assert isinstance(decoder, Scorer)
    assert not isinstance(as_decoder(Plain()), Scorer)
    with pytest.raises(AttributeError, match="nothing"):
        _ = decoder.nothing


def test_an_adapted_decoder_is_copied_and_pickled_with_what_it_adapts() -> None:
    decoder = as_decoder(Plain())
    for again in (copy.deepcopy(decoder), pickle.loads(pickle.dumps(decoder))):
        assert again.decode(VECTORS) == ["text 0", "text 1"]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("ab", "decoder Plain returned str: expected a list of texts"),
        (["a"], "decoder Plain returned 1 texts for 2 vectors"),
        (["a", None], "decoder Plain returned a text of type NoneType"),
    ],
)
def test_what_a_decoder_gets_wrong_is_told(monkeypatch: pytest.MonkeyPatch, texts: Any, message: str) -> None:
    monkeypatch.setattr(Plain, "decode", lambda self, vectors, **_: texts)
    with pytest.raises(InputError, match=message):
        as_decoder(Plain()).decode_rows(VECTORS)


@pytest.mark.parametrize(("given", "message"), [("tiny", "is a name: pass smotext.load_decoder"), (7, "no .decode")])
def test_what_is_no_decoder_is_refused(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        as_decoder(given)
