from __future__ import annotations

import pytest

from smotext.utils.sentences import cut_at_sentence


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two. Thr", "One. Two."),
        ("It costs 3.50 in the", "It costs 3.50 in the"),
        ("Really?! Yes (I think.) So", "Really?! Yes (I think.)"),
        ("終わり。次の", "終わり。"),  # no space follows a full stop there
        ("「終わり。」次の", "「終わり。」"),
        ("", ""),
        ("Done.", "Done."),
    ],
)
def test_text_is_cut_after_its_last_sentence(text: str, expected: str) -> None:
    assert cut_at_sentence(text) == expected
