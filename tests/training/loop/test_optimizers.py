"""Masters, their average, settings, checkpoints and the diary."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from smotext.errors import InputError, RunError, UnknownNameError
from smotext.training.loop.checkpoint import Diary, load_checkpoint, read_metrics, save_checkpoint
from smotext.training.loop.optimizers import Masters
from smotext.training.training_settings import TrainingSettings


def make_masters(**changes: object) -> tuple[nn.Linear, Masters]:
    torch.manual_seed(0)
    layer = nn.Linear(3, 2)
    return layer, Masters(list(layer.named_parameters()), TrainingSettings(**changes))  # type: ignore[arg-type]


def test_micro_batches_add_up_to_the_gradient_of_the_whole_batch() -> None:
    rows = torch.randn(6, 3)
    whole, parts = make_masters(), make_masters()
    whole[0](rows).square().sum().backward()
    whole[1].accumulate()
    for part in rows.split(2):
        parts[0](part).square().sum().backward()
        parts[1].accumulate()
    for one, other in zip(whole[1].gradients(), parts[1].gradients(), strict=True):
        torch.testing.assert_close(one, other)


def test_gradients_of_bfloat16_weights_are_summed_in_float32() -> None:
    layer, masters = make_masters()
    layer.to(torch.bfloat16)
    for _ in range(1000):  # in bfloat16 the sum would stop growing at 256
        layer(torch.ones(1, 3, dtype=torch.bfloat16)).sum().backward()
        masters.accumulate()
    assert masters.gradients()[1].tolist() == [1000.0, 1000.0]


def test_a_step_moves_model_and_masters_alike_and_reports_the_norm_of_the_mean_gradient() -> None:
    layer, masters = make_masters()
    layer(torch.ones(1, 3)).sum().backward()
    masters.accumulate()
    assert masters.step(rate=0.1, n_tokens=2) == pytest.approx((8 * 0.25) ** 0.5)
    torch.testing.assert_close(layer.weight.detach(), masters.weights[0])


def test_the_average_is_the_mean_of_the_weights_taken() -> None:
    _, masters = make_masters()
    seen = []
    for value in (1.0, 2.0, 6.0):
        masters.weights[0].fill_(value)
        masters.update_average()
        seen.append(value)
    assert masters.final()[0].unique().tolist() == pytest.approx([sum(seen) / 3])


def test_an_average_read_from_a_checkpoint_is_where_the_weights_are() -> None:
    _, saved = make_masters()
    saved.update_average()
    elsewhere = nn.Linear(3, 2, device="meta")
    masters = Masters(list(elsewhere.named_parameters()), TrainingSettings(), device="meta")
    masters.load(saved.state())
    masters.update_average()
    assert [part.device.type for part in masters.final()] == ["meta", "meta"]


def test_masters_lie_on_the_device_asked_for_whatever_the_models() -> None:
    layer = nn.Linear(3, 2)
    masters = Masters(list(layer.named_parameters()), TrainingSettings(), device="meta")
    assert {weight.device.type for weight in masters.weights} == {"meta"}
    assert layer.weight.device.type == "cpu"


@pytest.mark.parametrize(("given", "expected"), [(None, 0.025), (0.02, 0.02), (0.1, 0.1)])
def test_lora_layers_and_the_projector_have_rates_of_their_own(given: float | None, expected: float) -> None:
    names = ("projector.0.weight", "lm.layers.1.q_proj.lora_A.default.weight")
    weights = [nn.Parameter(torch.zeros(3)) for _ in names]
    settings = TrainingSettings(learning_rate=0.1, lora_learning_rate=given)
    masters = Masters(list(zip(names, weights, strict=True)), settings)
    for weight in weights:
        weight.grad = torch.ones(3)
    masters.accumulate()
    masters.step(rate=settings.peak_rate, n_tokens=1)
    for weight, rate in zip(weights, (0.1, expected), strict=True):  # the first step of Adam has the rate's length
        torch.testing.assert_close(weight.detach(), torch.full((3,), -rate))


def test_another_models_checkpoint_is_refused() -> None:
    _, masters = make_masters()
    with pytest.raises(InputError, match="those of another model"):
        masters.load({**masters.state(), "names": ["other"]})


def test_a_checkpoint_that_cannot_be_written_keeps_the_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_checkpoint(tmp_path, {"step": 1})

    def disk_full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", disk_full)
    with pytest.raises(RunError, match="the checkpoint before it is kept"):
        save_checkpoint(tmp_path, {"step": 2})
    assert load_checkpoint(tmp_path) == {"step": 1}


def test_the_diary_is_cut_back_to_the_checkpoint_and_survives_a_torn_line(tmp_path: Path) -> None:
    diary = Diary(tmp_path, resumed_at=0)
    for step in (10, 20, 30):
        diary.write({"step": step})
    with (tmp_path / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 4')
    Diary(tmp_path, resumed_at=20)
    assert read_metrics(tmp_path) == [{"step": 10}, {"step": 20}]


@pytest.mark.parametrize(
    ("wrong", "error", "match"),
    [
        ({"train": "head"}, UnknownNameError, "unknown train 'head'"),
        ({"stage": 4}, InputError, "expected 1, 2 or 3"),
        ({"batch_size": 0}, InputError, "batch_size is 0: expected more than 0"),
        ({"max_steps": 0}, InputError, "max_steps is 0: expected 1 or more"),
        ({"max_minutes": 0.0}, InputError, "max_minutes is 0.0: expected more than 0"),
        ({"warmup_ratio": 1.5}, InputError, r"expected a share in \[0, 1\]"),
        ({"example_share": -0.1}, InputError, r"example_share is -0.1: expected a share in \[0, 1\]"),
        ({"lora_learning_rate": 0.0}, InputError, "lora_learning_rate is 0.0: expected more than 0, or None"),
        ({"lora_first_layer": -1}, InputError, "lora_first_layer is -1: expected 0 or more"),
        ({"most_examples": -1}, InputError, "most_examples is -1: expected 0 or more"),
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        TrainingSettings(**wrong)  # type: ignore[arg-type]


def test_the_rate_ends_at_the_share_asked_for_and_xrags_rates_are_the_defaults() -> None:
    assert TrainingSettings().peak_rate == 6e-3
    assert TrainingSettings(stage=2).peak_rate == 2e-5
    assert TrainingSettings(learning_rate=1.0, final_ratio=0.25).rate(1.0) == 0.25
