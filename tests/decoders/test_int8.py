"""Matrices packed into int8, and back."""

from __future__ import annotations

import torch

from smotext.decoders.int8 import is_packed, pack, unpack


def test_packing_moves_an_entry_by_half_a_step_of_its_row_at_most() -> None:
    torch.manual_seed(0)
    matrix = torch.randn(40, 30) * torch.logspace(-3, 3, 40)[:, None]  # a row's scale is its own
    back = unpack(pack({"w": matrix}))["w"]
    step = matrix.abs().amax(dim=1, keepdim=True) / 127
    assert ((back - matrix).abs() <= step / 2 * (1 + 1e-5)).all()
    torch.testing.assert_close(back.abs().amax(dim=1), matrix.abs().amax(dim=1))


def test_a_row_of_zeros_stays_one() -> None:
    assert unpack(pack({"w": torch.zeros(2, 3)}))["w"].count_nonzero() == 0


def test_what_is_no_matrix_stays_as_it_is() -> None:
    tensors = {"bias": torch.randn(4).bfloat16(), "kernel": torch.randn(2, 2, 2)}
    packed = pack(tensors)
    assert not is_packed(packed)
    assert all(packed[name] is tensor for name, tensor in tensors.items())


def test_half_precision_matrices_are_packed_as_their_float32_twins() -> None:
    matrix = torch.randn(5, 6).bfloat16()
    half, full = pack({"w": matrix}), pack({"w": matrix.float()})
    assert is_packed(half)
    assert all(torch.equal(half[name], full[name]) for name in full)
