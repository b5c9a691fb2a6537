"""The guidance head: what it adds to the logits, and what it takes back."""

from __future__ import annotations

import math

import pytest
import torch

from smotext.decoders.guidance import USED_PENALTY, Guidance, spend, spent
from smotext.errors import BridgeError


def tensors(**changes: torch.Tensor) -> dict[str, torch.Tensor]:
    plain = {"weight": torch.zeros(4, 2), "bias": torch.zeros(4), "unigram": torch.full((4,), math.log(0.25))}
    return {f"guidance.{name}": tensor for name, tensor in {**plain, **changes}.items()}


def test_the_bias_is_the_excess_over_the_unigram_worked_out_by_hand() -> None:
    # scores log 3, 0, 0, 0 for the first vector: probabilities 1/2, 1/6, 1/6, 1/6 against 1/4 each
    weight = torch.tensor([[math.log(3), 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    bias = Guidance.from_tensors(tensors(weight=weight)).logit_bias(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    assert bias[0].tolist() == pytest.approx([math.log(2), 0.0, 0.0, 0.0], abs=1e-6)
    assert bias[1].tolist() == pytest.approx([0.0] * 4, abs=1e-6)


def test_the_bias_stays_under_the_cap() -> None:
    head = Guidance.from_tensors(tensors(bias=torch.tensor([100.0, 0.0, 0.0, 0.0]), unigram=torch.full((4,), -50.0)))
    assert head.logit_bias(torch.zeros(1, 2))[0, 0] == Guidance.cap


def test_a_token_whose_unigram_is_zero_is_never_guided() -> None:
    unigram = torch.tensor([0.0, -1.0, -1.0, -1.0])
    head = Guidance.from_tensors(tensors(bias=torch.tensor([50.0, 0.0, 0.0, 0.0]), unigram=unigram))
    assert head.logit_bias(torch.zeros(1, 2))[0, 0] == 0.0


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    torch.manual_seed(0)
    head = Guidance.from_tensors(tensors(weight=torch.randn(4, 2)))
    rows = torch.randn(5, 2)
    alone = torch.cat([head.logit_bias(row[None]) for row in rows])
    assert torch.allclose(head.logit_bias(rows), alone, atol=1e-6)


def test_a_written_token_is_penalised_where_it_was_guided_and_only_there() -> None:
    bias = torch.tensor([[2.0, 1.0, 0.0], [2.0, 1.0, 0.0]])
    spend(bias, torch.tensor([1, 2]))
    assert bias.tolist() == [[2.0, -USED_PENALTY, 0.0], [2.0, 1.0, 0.0]]
    spend(bias, torch.tensor([1, 2]))
    assert bias.tolist() == [[2.0, -USED_PENALTY, 0.0], [2.0, 1.0, 0.0]]


def test_half_precision_tensors_become_float32() -> None:
    half = {name: tensor.bfloat16() for name, tensor in tensors().items()}
    assert Guidance.from_tensors(half).logit_bias(torch.zeros(1, 2)).dtype == torch.float32


def test_missing_tensors_are_named() -> None:
    partial = tensors()
    del partial["guidance.unigram"]
    with pytest.raises(BridgeError, match=r"\['bias', 'weight'\]: expected bias, unigram, weight"):
        Guidance.from_tensors(partial)


def test_shapes_that_do_not_agree_are_shown() -> None:
    with pytest.raises(BridgeError, match=r"'bias': \(3,\)"):
        Guidance.from_tensors(tensors(bias=torch.zeros(3)))


def test_spent_is_what_spending_one_token_after_the_other_leaves():
    torch.manual_seed(0)
    bias = torch.randn(5, 9).clamp(min=0)
    tokens = torch.randint(0, 9, (5, 6))  # with repetitions
    left = bias.clone()
    for step in range(6):
        is_written = (torch.arange(6) < step).expand(5, 6)
        assert torch.equal(spent(bias, tokens, is_written), left)
        spend(left, tokens[:, step])


def tied(n_columns: int = 3, vocabulary: int = 5, vector_dim: int = 2) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Return the tensors of a head that is tied to a table, and that table, with a row more than it needs."""
    torch.manual_seed(0)
    found = tensors(weight=torch.randn(n_columns, vector_dim), bias=torch.randn(vocabulary))
    return found | {"guidance.unigram": -torch.rand(vocabulary)}, torch.randn(vocabulary + 1, n_columns)


def test_a_tied_head_puts_its_matrix_before_the_language_models_embeddings() -> None:
    given, table = tied()
    head, vectors = Guidance.from_tensors(given, table), torch.randn(4, 2)
    for row, vector in zip(head(vectors), vectors, strict=True):
        scores = [
            float(table[token] @ (given["guidance.weight"] @ vector) + given["guidance.bias"][token])
            for token in range(5)
        ]
        total = sum(math.exp(score) for score in scores)
        assert row.tolist() == pytest.approx([math.log(math.exp(score) / total) for score in scores], abs=1e-5)
    assert set(head.state_dict()) == {"weight", "bias", "unigram"}, "the table is the language model's"


def test_a_tied_head_follows_a_table_of_half_precision() -> None:
    given, table = tied()
    head, half = (Guidance.from_tensors(given, one) for one in (table, table.bfloat16()))
    found = half(torch.ones(1, 2))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, head(torch.ones(1, 2)), rtol=0.0, atol=0.1)


def test_a_head_as_wide_as_its_vocabulary_is_free() -> None:
    head = Guidance.from_tensors(tensors(), torch.randn(4, 3))
    assert head.table is None


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (None, r"shape \(3, 2\) for 5 tokens: .* each column of the language model's embeddings \(another\)"),
        (torch.zeros(6, 4), r"embeddings \(\(6, 4\)\)"),
        (torch.zeros(4, 3), r"embeddings \(\(4, 3\)\)"),
    ],
)
def test_a_tied_head_without_its_table_is_refused(table: torch.Tensor | None, message: str) -> None:
    given, _ = tied()
    with pytest.raises(BridgeError, match=message):
        Guidance.from_tensors(given, table)


def test_a_hidden_layer_reads_the_vector_at_one_length_before_the_words_are_found() -> None:
    torch.manual_seed(0)
    given = tensors(weight=torch.randn(3, 6), bias=torch.randn(5)) | {
        "guidance.unigram": -torch.rand(5), "guidance.hidden.weight": torch.randn(6, 2),
        "guidance.hidden.bias": torch.randn(6),
    }  # fmt: skip
    table, vector = torch.randn(5, 3), torch.tensor([0.3, -0.4])
    head = Guidance.from_tensors(given, table)
    read = given["guidance.hidden.weight"] @ (vector / 0.5 * 2**0.5) + given["guidance.hidden.bias"]  # its length: 0.5
    scores = table @ (given["guidance.weight"] @ torch.nn.functional.gelu(read)) + given["guidance.bias"]
    torch.testing.assert_close(head(vector[None])[0], scores.log_softmax(-1))
    torch.testing.assert_close(head(9 * vector[None]), head(vector[None]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"guidance.hidden.weight": None}, r"\['bias', 'hidden.bias', 'unigram', 'weight'\]: expected"),
        ({"guidance.hidden.bias": torch.zeros(5)}, r"'hidden.bias': \(5,\)"),
        ({"guidance.weight": torch.zeros(4, 2)}, r"'weight': \(4, 2\)"),
    ],
)
def test_a_hidden_layer_that_does_not_fit_is_refused(changes: dict[str, torch.Tensor | None], message: str) -> None:
    layer = {"guidance.hidden.weight": torch.zeros(6, 2), "guidance.hidden.bias": torch.zeros(6)}
    given = {**tensors(weight=torch.zeros(4, 6)), **layer, **changes}
    with pytest.raises(BridgeError, match=message):
        Guidance.from_tensors({name: tensor for name, tensor in given.items() if tensor is not None})
