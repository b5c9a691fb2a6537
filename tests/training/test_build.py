"""Whole runs on a toy pair: what is trained writes its texts, and resuming changes nothing."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config

import smotext
from smotext.decoders.bridge import GUIDANCE_PREFIX, read_spec, read_tensors
from smotext.encoders.minilm import WEIGHTS_SHA256, find_minilm
from smotext.errors import InputError, RunError, UnknownNameError
from smotext.settings import Sampling
from smotext.training.build import train_bridge
from smotext.training.data.passage_store import PassageStore, Piece, read_texts
from smotext.training.job import NewProjector, TrainingJob
from smotext.training.loop.checkpoint import read_metrics
from smotext.training.loop.trainer import Trainer
from smotext.training.models.pair import Pair, load_bridge
from smotext.training.scoring.pair_texts import texts_of, write_rows, write_texts
from smotext.training.scoring.score import held_out_nats
from tests.training import toy

SLOTS = NewProjector("kv", n_slots=2, slot_code_size=8, first_slot_layer=1)


def written(bridge: Path) -> list[str]:
    decoder = smotext.load_decoder(str(bridge))
    return [text.strip() for text in decoder.decode(toy.encoder().encode(toy.TEXTS), max_new_tokens=40)]


def share_reproduced(bridge: Path) -> float:
    return sum(map(str.__eq__, written(bridge), toy.TEXTS)) / len(toy.TEXTS)


def test_a_new_language_model_learns_32_texts_by_heart(toy_bridge: Path) -> None:
    assert share_reproduced(toy_bridge) == 1.0


DASH = {"chat_template": "{bos}{content}", "prompts": ("<xRAG>-",)}  # slots need a token after them


@pytest.mark.parametrize(
    ("train", "options"),
    [
        ("projector", toy.ALONE),
        ("projector+lora", toy.ALONE),
        ("projector+lora", {**DASH, "projector": SLOTS}),
    ],
)
def test_training_a_part_teaches_a_known_language_model_a_new_projector(
    toy_bridge: Path, tmp_path: Path, train: str, options: dict[str, Any]
) -> None:
    if train == "projector+lora":
        pytest.importorskip("peft")
    job = toy.job(tmp_path, lm=str(toy_bridge), **options)
    settings = toy.settings(train=train, learning_rate=1e-2, max_steps=150, lora_rank=4, lora_alpha=8)
    assert share_reproduced(train_bridge(job, tmp_path / "out", settings, encoder=toy.encoder())) >= 0.9


@pytest.mark.parametrize("projector", [SLOTS, NewProjector(n_soft_tokens=2)])
def test_a_trained_bridge_writes_as_the_pair_in_memory(tmp_path: Path, projector: NewProjector) -> None:
    job = toy.list_job(tmp_path, projector=projector, guidance=0.5, guidance_alone=1.5, trained_guidance=0.5)
    settings = toy.settings(max_steps=40, most_examples=3)
    made = train_bridge(job, tmp_path / "out", settings, encoder=toy.encoder())
    losses = [entry["loss"] for entry in read_metrics(f"{made}.run")]
    assert losses[-1] < 0.7 * losses[0]
    pair, decoder = load_bridge(made), smotext.load_decoder(str(made), dtype="float32")
    assert (pair.projector.config, decoder.examples) == (decoder.projector.config, 4)
    assert pair.projector.config.items() >= projector.config.items()
    vectors = toy.encoder().encode(toy.TEXTS[:6])
    rows = decoder.decode_rows(vectors, max_new_tokens=30)
    assert write_texts(pair, vectors, max_new_tokens=30) == [row.text.strip() for row in rows]
    assert len({row.text for row in rows}) > 1
    shown = pair.prompts.with_examples(pair.prompts.example_ids(toy.TEXTS[8:10]))
    asked, options = torch.from_numpy(vectors), {"max_new_tokens": 30}
    written = write_rows(pair, (shown,), np.zeros(6, dtype=int), asked, Sampling(), np.zeros(6, dtype=int), **options)
    found = decoder.decode(vectors, examples=[toy.TEXTS[8:10]] * 6, **options)
    assert texts_of(pair, written) == [text.strip() for text in found]
    nats = held_out_nats(pair, piece_of(pair, toy.TEXTS[:6], vectors))
    assert nats == pytest.approx(-decoder.log_likelihood(toy.TEXTS[:6], vectors, guidance=0.5).sum(), rel=1e-3)


def piece_of(pair: Pair, texts: list[str], vectors: np.ndarray) -> Piece:
    ids = pair.prompts.text_ids(texts)
    return Piece(np.concatenate([np.array(row) for row in ids]), np.cumsum([0, *map(len, ids)]), vectors)


def test_examples_need_prompts_that_show_some_and_groups_to_take_them_from(tmp_path: Path) -> None:
    settings = toy.settings(most_examples=2)
    with pytest.raises(InputError, match="most_examples is 2, but the bridge's prompts show none: use 0"):
        train_bridge(toy.job(tmp_path), tmp_path / "out", settings, encoder=toy.encoder())
    other = toy.list_job(tmp_path / "list", cutting=toy.CUTTING)
    with pytest.raises(InputError, match="each passage is a group by itself: set group_size to"):
        train_bridge(other, tmp_path / "out", settings, encoder=toy.encoder())


def test_examples_that_leave_no_room_for_a_passage_are_refused(tmp_path: Path) -> None:
    job = toy.list_job(tmp_path, examples=0)
    settings = toy.settings(train="projector", max_steps=1, most_examples=3)
    train_bridge(job, tmp_path / "fits", settings, encoder=toy.encoder())
    with pytest.raises(InputError, match="max_tokens=40, but only .* tokens fit"):
        train_bridge(job, tmp_path / "out", replace(settings, most_examples=8), encoder=toy.encoder())


def test_stage_two_keeps_the_texts(toy_bridge: Path, tmp_path: Path) -> None:
    job = toy.job(tmp_path, bridge=str(toy_bridge), cutting=dataclasses.replace(toy.CUTTING, max_tokens=32))
    settings = toy.settings(stage=2, kl_weight=0.01, learning_rate=1e-3, max_steps=10, batch_size=8)
    assert share_reproduced(train_bridge(job, tmp_path / "out", settings, encoder=toy.encoder())) >= 0.9


@pytest.mark.parametrize(
    ("make_job", "changes"),
    [
        (toy.job, {"optimizer": "muon"}),
        (
            partial(toy.list_job, projector=SLOTS),
            {"train": "projector+lora", "most_examples": 3, "style_share": 0.5, "lora_first_layer": 1, "lora_rank": 2},
        ),
    ],
)
def test_resuming_gives_the_very_weights_of_an_uninterrupted_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_job: Callable[[Path], TrainingJob], changes: dict[str, Any]
) -> None:
    settings = toy.settings(max_steps=12, noise=0.1, average_from=0.5, **changes)
    job = make_job(tmp_path)
    whole = train_bridge(job, tmp_path / "whole", settings, encoder=toy.encoder())
    take_step = Trainer._step

    def stop_at_seven(self: Trainer, groups: list, share: float) -> tuple[float, int]:
        if self.progress.step == 7:
            self.save()
            raise KeyboardInterrupt
        return take_step(self, groups, share)

    monkeypatch.setattr(Trainer, "_step", stop_at_seven)
    with pytest.raises(KeyboardInterrupt):
        train_bridge(job, tmp_path / "resumed", settings, encoder=toy.encoder())
    monkeypatch.undo()
    resumed = train_bridge(job, tmp_path / "resumed", settings, encoder=toy.encoder())
    for path in sorted(whole.glob("*.safetensors")):
        assert path.read_bytes() == (resumed / path.name).read_bytes()


def test_resuming_with_other_settings_is_refused_and_shows_the_difference(tmp_path: Path) -> None:
    job = toy.job(tmp_path)
    train_bridge(job, tmp_path / "out", toy.settings(max_steps=2), encoder=toy.encoder())
    with pytest.raises(InputError, match="learning_rate was 0.005, now 0.1"):
        train_bridge(job, tmp_path / "out", toy.settings(max_steps=2, learning_rate=0.1), encoder=toy.encoder())


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"chat_template": "Q: {content} A:"}, "chat_template was '{content}', now 'Q: {content} A:'"),
        ({"prompts": ("Say <xRAG>",)}, r"prompts was \('<xRAG>',\), now \('Say <xRAG>',\)"),
        ({"vector_norm": "raw"}, "vector_norm was 'unit', now 'raw'"),
        ({"projector": NewProjector("mlp1x_gelu")}, "projector_type was 'mlp2x_gelu', now 'mlp1x_gelu'"),
        ({"projector": NewProjector(n_soft_tokens=2)}, "n_soft_tokens was None, now 2"),
    ],
)
def test_resuming_with_other_conventions_is_refused(tmp_path: Path, changes: dict[str, Any], match: str) -> None:
    settings, lm = toy.settings(max_steps=1), {"lm": str(toy.write_lm(tmp_path)), **toy.ALONE}
    train_bridge(toy.job(tmp_path, **lm), tmp_path / "out", settings, encoder=toy.encoder())
    with pytest.raises(InputError, match=match):
        train_bridge(toy.job(tmp_path, **lm | changes), tmp_path / "out", settings, encoder=toy.encoder())


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"projector": replace(SLOTS, n_slots=3)}, "n_slots was 2, now 3"),
        ({"projector": replace(SLOTS, slot_code_size=16)}, "slot_code_size was 8, now 16"),
        ({"projector": replace(SLOTS, first_slot_layer=0)}, "first_slot_layer was 1, now 0"),
        ({"prompt_style": "chat", **toy.ALONE}, "chat_template was '{bos}{content}', now '{content}'"),
    ],
)
def test_resuming_with_other_slots_or_prompts_is_refused(tmp_path: Path, changes: dict[str, Any], match: str) -> None:
    settings = toy.settings(train="projector", max_steps=1)
    train_bridge(toy.list_job(tmp_path, projector=SLOTS), tmp_path / "out", settings, encoder=toy.encoder())
    other = toy.list_job(tmp_path, **{"projector": SLOTS, **changes})
    with pytest.raises(InputError, match=match):
        train_bridge(other, tmp_path / "out", settings, encoder=toy.encoder())


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"most_examples": 2}, "most_examples was 3, now 2"),
        ({"example_share": 1.0}, "example_share was 0.5, now 1.0"),
        ({"lora_first_layer": 1}, "lora_first_layer was 0, now 1"),
        ({"lora_learning_rate": 1e-4}, "lora_learning_rate was None, now 0.0001"),
    ],
)
def test_resuming_with_other_examples_or_lora_layers_is_refused(
    tmp_path: Path, changes: dict[str, Any], match: str
) -> None:
    settings = toy.settings(train="projector", max_steps=1, most_examples=3)
    train_bridge(toy.list_job(tmp_path), tmp_path / "out", settings, encoder=toy.encoder())
    with pytest.raises(InputError, match=match):
        train_bridge(toy.list_job(tmp_path), tmp_path / "out", replace(settings, **changes), encoder=toy.encoder())


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"cutting": replace(toy.CUTTING, group_size=2)}, "cutting was .*'group_size': 1.* now .*'group_size': 2"),
        ({"cutting": replace(toy.CUTTING, document_share=0.5)}, "'document_share': 1.0.* now .*'document_share': 0.5"),
        ({"equal_shares": True}, "equal_shares was False, now True"),
    ],
)
def test_a_store_of_other_groups_or_shares_is_refused(tmp_path: Path, changes: dict[str, Any], match: str) -> None:
    settings = toy.settings(train="projector", max_steps=1)
    train_bridge(toy.job(tmp_path), tmp_path / "out", settings, encoder=toy.encoder())
    with pytest.raises(InputError, match=match):
        train_bridge(toy.job(tmp_path, **changes), tmp_path / "out", settings, encoder=toy.encoder())


def test_resuming_with_other_models_is_refused(toy_bridge: Path, tmp_path: Path) -> None:
    bridge, settings = tmp_path / "bridge", toy.settings(max_steps=1)
    shutil.copytree(toy_bridge, bridge)
    job = toy.job(tmp_path, bridge=str(bridge))
    train_bridge(job, tmp_path / "out", settings, encoder=toy.encoder())
    with pytest.raises(InputError, match="encoder was 'hash-32', now 'hash-16'"):
        train_bridge(job, tmp_path / "out", settings, encoder=smotext.HashEncoder(vector_dim=16))
    spec = dataclasses.replace(read_spec(bridge), max_new_tokens=9)
    (bridge / "smotext.json").write_text(spec.to_json(), encoding="utf-8")
    with pytest.raises(InputError, match="bridge was '[0-9a-f]{16}', now '[0-9a-f]{16}'"):
        train_bridge(job, tmp_path / "out", settings, encoder=toy.encoder())


def test_a_store_made_with_other_settings_is_refused(tmp_path: Path) -> None:
    train_bridge(toy.job(tmp_path), tmp_path / "out", toy.settings(max_steps=2), encoder=toy.encoder())
    with pytest.raises(InputError, match="max_passages was None, now 9"):
        train_bridge(toy.job(tmp_path, max_passages=9), tmp_path / "out", toy.settings(), encoder=toy.encoder())


def test_passages_beyond_the_positions_of_the_language_model_are_refused(tmp_path: Path) -> None:
    cutting = dataclasses.replace(toy.CUTTING, max_tokens=64)
    with pytest.raises(InputError, match="max_tokens=64, but only 63 tokens fit"):
        train_bridge(toy.job(tmp_path, cutting=cutting), tmp_path / "out", toy.settings(), encoder=toy.encoder())


def test_passages_that_the_teacher_of_stage_two_cannot_read_twice_are_refused(tmp_path: Path) -> None:
    gpt2 = GPT2Config(
        vocab_size=toy.VOCABULARY, n_embd=16, n_layer=1, n_head=2, n_positions=30, bos_token_id=1, eos_token_id=2
    )
    AutoModelForCausalLM.from_config(gpt2).save_pretrained(tmp_path / "lm")
    toy.tokenizer().save_pretrained(tmp_path / "lm")
    settings, fits = toy.settings(stage=2, max_steps=3, batch_size=4), dataclasses.replace(toy.CUTTING, max_tokens=15)
    job = toy.job(tmp_path, cutting=fits)
    train_bridge(job, tmp_path / "fits", settings, encoder=toy.encoder())
    job = dataclasses.replace(job, cutting=dataclasses.replace(fits, max_tokens=16))
    with pytest.raises(InputError, match="max_tokens=16, but only 15 tokens fit .* in stage 2's prompt and again"):
        train_bridge(job, tmp_path / "out", settings, encoder=toy.encoder())


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_step = Trainer._step

    def break_at_three(self: Trainer, groups: list, share: float) -> tuple[float, int]:
        if self.progress.step == 3:
            self.save()
            self.pair.projector.projector[0].weight.data.fill_(float("nan"))
        return take_step(self, groups, share)

    monkeypatch.setattr(Trainer, "_step", break_at_three)
    before = tmp_path / "out.run" / "checkpoint.pt"
    with pytest.raises(RunError, match="the loss is nan at step 4"):
        train_bridge(toy.job(tmp_path), tmp_path / "out", toy.settings(max_steps=9), encoder=toy.encoder())
    assert before.is_file()


def test_metrics_tell_loss_speed_and_time_left(toy_bridge: Path) -> None:
    entries = read_metrics(f"{toy_bridge}.run")
    assert entries[-1]["loss"] < entries[0]["loss"] / 4
    assert {"tokens_per_s", "left_s", "learning_rate", "n_tokens"} <= entries[-1].keys()


def test_the_card_tells_data_steps_seed_and_command(tmp_path: Path) -> None:
    job = toy.job(tmp_path, data=(("toys", "sentences", "CC0"),))
    made = train_bridge(job, tmp_path / "out", toy.settings(max_steps=2), encoder=toy.encoder(), command="do it")
    card = (made / "README.md").read_text(encoding="utf-8")
    assert "| toys | sentences | CC0 |" in card
    assert "**seed**: 0" in card
    assert "**steps**: 2, 64 passages" in card
    assert "do it" in card


def test_the_exported_directory_is_a_bridge_with_small_files(toy_bridge: Path) -> None:
    index = json.loads((toy_bridge / "model.safetensors.index.json").read_text(encoding="utf-8"))
    names = set(index["weight_map"].values())
    assert {"projector.safetensors", "guidance.safetensors"} < names
    assert all((toy_bridge / name).stat().st_size < 16 * 2**20 for name in names)


def test_the_run_directory_is_its_owners_alone(toy_bridge: Path) -> None:
    assert Path(f"{toy_bridge}.run").stat().st_mode & 0o777 == 0o700


def test_the_teacher_computes_as_the_student_does_and_bfloat16_by_plain_attention(
    toy_bridge: Path, tmp_path: Path
) -> None:
    for precision, attention in (("float32", "sdpa"), ("bfloat16", "eager")):
        pair, folder = load_bridge(toy_bridge), tmp_path / precision
        store = PassageStore.create(
            folder, toy.TEXTS, [], tokenize=pair.prompts.text_ids, encode=toy.encoder().encode, about={}
        )
        trainer = Trainer(pair, store, toy.settings(stage=2, precision=precision), folder)
        assert trainer._teacher.config._attn_implementation == pair.lm.config._attn_implementation == attention


def test_plain_attention_is_for_training_alone(toy_bridge: Path, tmp_path: Path) -> None:
    job, settings = toy.job(tmp_path, bridge=str(toy_bridge)), toy.settings(precision="bfloat16", max_steps=1)
    made = train_bridge(job, tmp_path / "out", settings, encoder=toy.encoder())
    assert "attn" not in (made / "config.json").read_text(encoding="utf-8")
    assert smotext.load_decoder(str(made)).model.config._attn_implementation == "sdpa"


def test_each_step_is_reported_and_every_tenth_recorded(tmp_path: Path) -> None:
    told: list[dict] = []
    settings = toy.settings(max_steps=12)
    train_bridge(toy.job(tmp_path), tmp_path / "out", settings, encoder=toy.encoder(), report=told.append)
    *steps, last = told
    assert [entry["step"] for entry in steps] == list(range(1, 13))
    assert {entry["n_steps"] for entry in steps} == {12}
    assert last == {"doing": "writing the bridge"}
    assert read_metrics(tmp_path / "out.run") == [steps[9]]


@pytest.mark.parametrize("max_steps", [None, 5])
def test_less_than_half_a_step_of_the_corpus_is_one_step(tmp_path: Path, max_steps: int | None) -> None:
    told: list[dict] = []
    settings = toy.settings(epochs=0.01, max_steps=max_steps)
    train_bridge(toy.job(tmp_path), tmp_path / "out", settings, encoder=toy.encoder(), report=told.append)
    assert [entry["step"] for entry in told if "step" in entry] == [1]


def test_a_job_needs_exactly_one_start() -> None:
    with pytest.raises(InputError, match="exactly one of lm and bridge"):
        TrainingJob(corpus=("a.txt",), lm="x", bridge="y")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"prompt_style": "lists"}, "unknown prompt_style 'lists': .*did you mean 'list'"),
        ({"guidance_head": "tide"}, "unknown guidance_head 'tide': .*did you mean 'tied'"),
    ],
)
def test_an_unknown_style_or_head_is_refused(options: dict[str, str], match: str) -> None:
    with pytest.raises(UnknownNameError, match=match):
        TrainingJob(corpus=("a.txt",), lm="x", **options)  # type: ignore[arg-type]


def test_an_encoder_of_another_width_is_refused(toy_bridge: Path, tmp_path: Path) -> None:
    job = toy.job(tmp_path, bridge=str(toy_bridge))
    with pytest.raises(InputError, match="vectors of 16 numbers, the projector takes 32"):
        train_bridge(job, tmp_path / "out", toy.settings(max_steps=1), encoder=smotext.HashEncoder(vector_dim=16))


def test_going_on_from_a_bridge_keeps_its_guidance_head_and_trains_with_it(toy_bridge: Path, tmp_path: Path) -> None:
    job = toy.job(tmp_path, bridge=str(toy_bridge), guidance=1.5, trained_guidance=0.5)
    bridge = train_bridge(job, tmp_path / "out", toy.settings(max_steps=60), encoder=toy.encoder())
    before, after = (read_tensors(folder, GUIDANCE_PREFIX) for folder in (toy_bridge, bridge))
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert (read_spec(bridge).guidance, read_spec(bridge).trained_guidance) == (1.5, 0.5)
    decoder = smotext.load_decoder(str(bridge))
    vectors = toy.encoder().encode(toy.TEXTS)
    assert [text.strip() for text in decoder.decode(vectors, max_new_tokens=40, guidance=0.5)] == toy.TEXTS
    again = train_bridge(
        toy.job(tmp_path, bridge=str(bridge)), tmp_path / "again", toy.settings(max_steps=1), encoder=toy.encoder()
    )
    assert read_spec(again) == read_spec(bridge)


@pytest.fixture(scope="module")
def raw_bridge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bridge to MiniLM's first token, raw, of texts that are cut after five tokens: not MiniLM's own conventions."""
    folder = tmp_path_factory.mktemp("raw")
    made = train_bridge(toy.job(folder, vector_norm="raw"), folder / "bridge", toy.settings(max_steps=1), device="cpu")
    changes = {"pooling": "cls", "encoder_max_tokens": 5, "encoder_sha256": "0" * 64}
    (made / "smotext.json").write_text(dataclasses.replace(read_spec(made), **changes).to_json(), encoding="utf-8")
    return made


def test_going_on_from_a_bridge_trains_on_the_vectors_that_decoding_gives_it(raw_bridge: Path, tmp_path: Path) -> None:
    job = toy.job(tmp_path, bridge=str(raw_bridge))
    again = train_bridge(job, tmp_path / "out", toy.settings(max_steps=1), device="cpu")
    store = tmp_path / "out.run" / "store" / "piece-0000"
    expected = smotext.load_encoder(str(raw_bridge), device="cpu").encode(read_texts(store / "texts.jsonl.gz"))
    assert np.linalg.norm(expected, axis=1).min() > 1.1
    np.testing.assert_allclose(np.load(store / "vectors.npy"), expected, rtol=2e-3, atol=2e-3)
    known_by_its_hash = dataclasses.replace(read_spec(raw_bridge), encoder_sha256=WEIGHTS_SHA256)
    assert read_spec(again) == known_by_its_hash


def test_naming_the_bridges_own_encoder_changes_nothing(raw_bridge: Path, tmp_path: Path) -> None:
    job = toy.job(tmp_path, bridge=str(raw_bridge), encoder="tiny")
    again = train_bridge(job, tmp_path / "out", toy.settings(max_steps=1), device="cpu")
    assert (read_spec(again).pooling, read_spec(again).encoder_max_tokens) == ("cls", 5)


def test_a_bridge_trained_on_another_encoder_names_that_one(raw_bridge: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.symlink_to(find_minilm(), target_is_directory=True)
    job, settings = toy.job(tmp_path, bridge=str(raw_bridge), encoder=str(other)), toy.settings(max_steps=1)
    spec = read_spec(train_bridge(job, tmp_path / "named", settings, device="cpu"))
    assert (spec.encoder, spec.encoder_sha256) == (str(other), WEIGHTS_SHA256)
    assert (spec.pooling, spec.encoder_max_tokens, spec.vector_norm) == ("mean", 256, "raw")
    made = train_bridge(job, tmp_path / "object", settings, encoder=smotext.HashEncoder(vector_dim=384))
    spec = read_spec(made)
    assert (spec.encoder, spec.encoder_sha256, spec.pooling, spec.encoder_max_tokens) == (None, None, None, None)


def test_training_with_a_head_that_is_not_there_is_refused(tmp_path: Path) -> None:
    job = toy.job(tmp_path, trained_guidance=1.0)
    with pytest.raises(InputError, match="there is no guidance head: set guidance to fit one"):
        train_bridge(job, tmp_path / "out", toy.settings(), encoder=toy.encoder())


def test_a_head_that_an_interrupted_run_has_fitted_is_not_fitted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = toy.job(tmp_path, guidance=0.5, trained_guidance=0.5)
    train_bridge(job, tmp_path / "out", toy.settings(max_steps=2), encoder=toy.encoder())
    monkeypatch.setattr("smotext.training.build.fit_guidance", None)
    train_bridge(job, tmp_path / "out", toy.settings(max_steps=2), encoder=toy.encoder())
