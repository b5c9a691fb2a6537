from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, StaticEmbedding

from smotext.encoders.loading import load_sentence_encoder
from smotext.encoders.minilm import find_minilm
from smotext.encoders.sentence import SentenceEncoder
from smotext.errors import InputError, UnknownNameError
from tests.encoders.checkpoints import WORDS, encode_slowly, make_last_token_checkpoint
from tests.encoders.conftest import XRAG

RNG = np.random.default_rng(0)
MIXED = [" ".join(RNG.choice(WORDS, size)) for size in (1, 3, 3, 8, 20, 60, 170, 400, 2, 90)]


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first * second).sum(axis=1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)


# --- xRAG's encoder -------------------------------------------------------------------------------------------------


def test_last_token_vectors_equal_the_slow_computation(
    last_token_encoder: SentenceEncoder, last_token_checkpoint: Path
) -> None:
    expected = encode_slowly(last_token_checkpoint, MIXED, max_tokens=180)
    np.testing.assert_allclose(last_token_encoder.encode(MIXED), expected, atol=1e-5)


def test_texts_over_the_limit_were_among_them(last_token_encoder: SentenceEncoder) -> None:
    assert last_token_encoder.count_truncated(MIXED) > 1
    assert last_token_encoder.max_tokens == 180


def test_last_token_vectors_are_not_normalised(last_token_encoder: SentenceEncoder) -> None:
    norms = np.linalg.norm(last_token_encoder.encode(MIXED), axis=1)
    assert (norms > 2).all()


def test_last_token_vectors_in_bfloat16_are_the_models_own(last_token_checkpoint: Path) -> None:
    encoder = load_sentence_encoder(last_token_checkpoint, device="cpu", dtype="bfloat16", **XRAG)
    expected = encode_slowly(last_token_checkpoint, MIXED, max_tokens=180, dtype=torch.bfloat16)
    np.testing.assert_allclose(encoder.encode(MIXED), expected, atol=0.06)  # numbers about 2, of 8 bits
    assert cosines(encoder.encode(MIXED), expected).min() > 0.9999


@pytest.mark.parametrize("padding_side", ["left", "right"])
@pytest.mark.parametrize("adds_eos", [False, True])
def test_neither_padding_side_nor_post_processor_matters(
    tmp_path: Path, last_token_encoder: SentenceEncoder, padding_side: str, adds_eos: bool
) -> None:
    directory = make_last_token_checkpoint(tmp_path, padding_side=padding_side, adds_eos=adds_eos)
    encoder = load_sentence_encoder(directory, device="cpu", dtype="float32", **XRAG)
    np.testing.assert_allclose(encoder.encode(MIXED), last_token_encoder.encode(MIXED), atol=1e-6)


@pytest.mark.parametrize("width", [2, 7, 400])
def test_padding_a_batch_changes_no_last_token_vector(last_token_encoder: SentenceEncoder, width: int) -> None:
    assert last_token_encoder._tokens is not None
    ids = last_token_encoder._tokens.encode([*MIXED, "the " * width])
    padded = last_token_encoder._vectors_of(ids)[: len(MIXED)]  # all lengths in one batch, as on a GPU
    np.testing.assert_allclose(padded, last_token_encoder.encode(MIXED), atol=1e-5)


def test_without_our_options_the_model_normalises_and_omits_end_of_text(last_token_checkpoint: Path) -> None:
    plain = load_sentence_encoder(last_token_checkpoint, device="cpu", dtype="float32").encode(MIXED)
    np.testing.assert_allclose(np.linalg.norm(plain, axis=1), 1.0, atol=1e-5)
    assert cosines(plain, encode_slowly(last_token_checkpoint, MIXED, max_tokens=180)).min() < 0.9


def test_a_chat_template_is_not_applied_to_xrags_texts(tmp_path: Path, last_token_encoder: SentenceEncoder) -> None:
    directory = make_last_token_checkpoint(tmp_path)
    settings = json.loads((directory / "tokenizer_config.json").read_text())
    settings["chat_template"] = "{% for m in messages %}the shop {{ m.content }}{% endfor %}"
    (directory / "tokenizer_config.json").write_text(json.dumps(settings))
    encoder = load_sentence_encoder(directory, device="cpu", dtype="float32", **XRAG)
    np.testing.assert_allclose(encoder.encode(MIXED), last_token_encoder.encode(MIXED), atol=1e-6)


# --- any sentence-transformers model --------------------------------------------------------------------------------


def test_minilm_equals_sentence_transformers(minilm: SentenceEncoder) -> None:
    model = SentenceTransformer(str(find_minilm()), device="cpu")
    texts = [*MIXED, "", "Ünïcödé 漢字 😀", "line\nbreaks\tand  blanks "]
    np.testing.assert_allclose(minilm.encode(texts), model.encode(texts), atol=2e-6)
    assert minilm.vector_dim == 384
    assert minilm.max_tokens == 256


def test_bfloat16_stays_within_a_thousandth_of_float32(minilm: SentenceEncoder) -> None:
    fast = load_sentence_encoder(find_minilm(), device="cpu", dtype="bfloat16")
    assert fast.dtype is torch.bfloat16
    assert cosines(fast.encode(MIXED), minilm.encode(MIXED)).min() > 0.999


def test_padding_a_batch_changes_no_mean_vector(minilm: SentenceEncoder) -> None:
    assert minilm._tokens is not None
    padded = minilm._vectors_of(minilm._tokens.encode(MIXED))
    np.testing.assert_allclose(padded, minilm.encode(MIXED), atol=2e-6)


def test_windows_are_joined_in_order(minilm: SentenceEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = minilm.encode(MIXED)
    monkeypatch.setattr("smotext.encoders.sentence._WINDOW", 3)
    np.testing.assert_allclose(minilm.encode(MIXED), expected, atol=2e-6)


def test_truncated_texts_are_counted_without_running_the_model(minilm: SentenceEncoder) -> None:
    assert minilm.count_truncated(["word " * 254, "word " * 255, "", "word " * 200_000]) == 2


def test_normalize_adds_and_removes_the_last_step() -> None:
    raw = load_sentence_encoder(find_minilm(), device="cpu", dtype="float32", normalize=False).encode(MIXED)
    unit = load_sentence_encoder(find_minilm(), device="cpu", dtype="float32", normalize=True).encode(MIXED)
    assert (np.linalg.norm(raw, axis=1) > 1.5).all()
    np.testing.assert_allclose(unit, raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize(("pooling", "position"), [("cls", 0), ("lasttoken", -1)])
def test_pooling_can_be_replaced(minilm: SentenceEncoder, pooling: str, position: int) -> None:
    encoder = SentenceEncoder(minilm.model, pooling=pooling, normalize=False)
    ids = minilm.model.tokenizer(MIXED[3], return_tensors="pt")
    with torch.no_grad():
        expected = minilm.model[0].auto_model(**ids).last_hidden_state[0, position].numpy()
    np.testing.assert_allclose(encoder.encode([MIXED[3]])[0], expected, atol=1e-5)


def test_a_head_with_weights_runs_in_float32_and_sets_the_width(minilm: SentenceEncoder) -> None:
    torch.manual_seed(0)
    modules = [*list(minilm.model)[:2], Dense(384, 16), Normalize()]
    model = SentenceTransformer(modules=modules, device="cpu")
    encoder = SentenceEncoder(model)
    assert encoder.vector_dim == 16
    np.testing.assert_allclose(encoder.encode(MIXED), model.encode(MIXED), atol=2e-6)


def test_truncated_dimensions_are_honoured(minilm: SentenceEncoder) -> None:
    model = SentenceTransformer(str(find_minilm()), device="cpu", truncate_dim=10)
    encoder = SentenceEncoder(model)
    assert encoder.vector_dim == 10
    np.testing.assert_allclose(encoder.encode(MIXED), model.encode(MIXED), atol=2e-6)


def test_a_default_prompt_is_applied() -> None:
    model = SentenceTransformer(
        str(find_minilm()), device="cpu", prompts={"query": "ask: "}, default_prompt_name="query"
    )
    encoder = SentenceEncoder(model)
    np.testing.assert_allclose(encoder.encode(MIXED), model.encode(MIXED), atol=2e-6)
    assert encoder.fingerprint != SentenceEncoder(SentenceTransformer(str(find_minilm()), device="cpu")).fingerprint


def static_model() -> Any:
    torch.manual_seed(0)
    tokenizer = SentenceTransformer(str(find_minilm()), device="cpu").tokenizer.backend_tokenizer
    return SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=12)], device="cpu")


def test_a_model_without_transformer_works() -> None:
    model = static_model()
    encoder = SentenceEncoder(model)
    assert encoder.vector_dim == 12
    assert encoder.max_tokens is None
    assert encoder.count_truncated(MIXED) == 0
    np.testing.assert_allclose(encoder.encode(MIXED * 5), model.encode(MIXED * 5), atol=2e-6)


def test_max_tokens_is_refused_where_the_model_tokenizes_itself() -> None:
    with pytest.raises(InputError, match="max_tokens was given, but this model does its own tokenizing"):
        SentenceEncoder(static_model(), max_tokens=20)


def test_pooling_is_refused_where_there_is_none() -> None:
    with pytest.raises(InputError, match="the model has 0 pooling modules: expected one"):
        SentenceEncoder(static_model(), pooling="mean")


def test_unknown_pooling_suggests_the_nearest(minilm: SentenceEncoder) -> None:
    with pytest.raises(UnknownNameError, match="unknown pooling 'last': .*did you mean 'lasttoken'"):
        SentenceEncoder(minilm.model, pooling="last")


def test_max_tokens_cannot_exceed_the_models_positions(minilm: SentenceEncoder) -> None:
    assert SentenceEncoder(minilm.model, max_tokens=100_000).max_tokens == 256
    assert SentenceEncoder(minilm.model, max_tokens=20).max_tokens == 20


def test_the_callers_model_is_left_as_it_was(minilm: SentenceEncoder) -> None:
    model = SentenceTransformer(str(find_minilm()), device="cpu")
    before = model.encode(MIXED)
    SentenceEncoder(model, pooling="cls", normalize=False, max_tokens=5).encode(MIXED)
    np.testing.assert_array_equal(model.encode(MIXED), before)
    assert len(model) == 3


# --- out of memory --------------------------------------------------------------------------------------------------


def test_a_batch_too_large_for_the_memory_is_halved(minilm: SentenceEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    forward, sizes = SentenceEncoder._forward, []

    def small_device(self: SentenceEncoder, features: dict[str, Any]) -> Any:
        sizes.append(len(features["input_ids"]))
        if sizes[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, features)

    expected = minilm.encode(MIXED)
    monkeypatch.setattr(SentenceEncoder, "_forward", small_device)
    assert minilm._tokens is not None
    found = minilm._vectors_of(minilm._tokens.encode(MIXED))
    np.testing.assert_allclose(found, expected, atol=2e-6)
    assert sizes[0] == 10


def test_a_single_text_too_large_for_the_memory_is_an_error(
    minilm: SentenceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(self: SentenceEncoder, features: dict[str, Any]) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(SentenceEncoder, "_forward", no_memory)
    with pytest.raises(torch.OutOfMemoryError, match="out of memory"):
        minilm.encode(MIXED)


# --- fingerprint and pickle -----------------------------------------------------------------------------------------


def test_every_option_changes_the_fingerprint(minilm: SentenceEncoder) -> None:
    model = minilm.model
    encoders = [
        minilm,
        SentenceEncoder(model, normalize=False),
        SentenceEncoder(model, pooling="cls"),
        SentenceEncoder(model, max_tokens=20),
        load_sentence_encoder(find_minilm(), device="cpu", dtype="bfloat16"),
    ]
    assert len({encoder.fingerprint for encoder in encoders}) == len(encoders)


def test_end_of_text_changes_the_fingerprint(last_token_checkpoint: Path, last_token_encoder: SentenceEncoder) -> None:
    without = load_sentence_encoder(
        last_token_checkpoint, device="cpu", dtype="float32", **(XRAG | {"require_eos": False})
    )
    assert without.fingerprint != last_token_encoder.fingerprint


def test_a_changed_weight_changes_the_fingerprint_and_a_copy_does_not(tmp_path: Path) -> None:
    first, copied, other = (make_last_token_checkpoint(tmp_path / name) for name in ("first", "copied", "other"))
    from safetensors.torch import load_file, save_file

    weights = load_file(other / "model.safetensors")
    weights["norm.weight"][0] += 1
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    fingerprints = [load_sentence_encoder(path, device="cpu", **XRAG).fingerprint for path in (first, copied, other)]
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


def test_a_model_given_as_an_object_is_pickled_whole(minilm: SentenceEncoder) -> None:
    encoder = SentenceEncoder(minilm.model, max_tokens=20)
    again = pickle.loads(pickle.dumps(encoder))
    assert again is not encoder
    np.testing.assert_array_equal(again.encode(MIXED), encoder.encode(MIXED))
