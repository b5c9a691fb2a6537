from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smotext.encoders.adapted import as_encoder
from smotext.encoders.hashing import HashEncoder
from smotext.errors import InputError
from smotext.protocols import name_of


class Lengths:
    """All that a caller's own encoder has to have, and one thing more."""

    unit = "characters"

    def encode(self, texts: Any) -> Any:
        return [[len(text), 1.0] for text in texts]


def test_an_encoder_that_has_everything_is_left_as_it_is() -> None:
    encoder = HashEncoder()
    assert as_encoder(encoder) is encoder


def test_what_an_encoder_lacks_is_filled_in_and_what_it_has_beside_is_still_there() -> None:
    encoder = as_encoder(Lengths())
    assert (encoder.vector_dim, encoder.fingerprint, encoder.max_tokens) == (2, None, None)
    assert encoder.count_truncated(["a long text"]) == 0
    assert encoder.encode(["abc"]).dtype == np.float32
    assert (name_of(encoder), encoder.unit) == ("Lengths", "characters")


@pytest.mark.parametrize(("given", "message"), [("tiny", "is a name: pass smotext.load_encoder"), (7, "no .encode")])
def test_what_is_no_encoder_is_refused(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        as_encoder(given)
