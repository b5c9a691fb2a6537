"""Language models that fit, and those that are refused; export; the guidance head's fit."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from smotext.training.scratch import new_pair, read_scratch_config, train_tokenizer

import smotext
from smotext.decoders.bridge import INDEX_NAME, BridgeSpec, fingerprint, read_spec, read_tensors
from smotext.encoders.bundled import WEIGHTS_SHA256
from smotext.errors import BridgeError, InputError, MissingFileError
from smotext.presets import MINILM
from smotext.training.export import Card, export_bridge
from smotext.training.heads import fit_guidance
from smotext.training.pair import assemble, load_bridge, load_pair
from smotext.training.score import bits_per_character
from smotext.training.store import PassageStore
from smotext.training.vectors import load_training_encoder
from smotext.training.writing import write_texts
from tests.training import toy


def test_a_tokenizer_without_an_end_token_is_refused(toy_bridge: Path) -> None:
    pair = load_bridge(toy_bridge)
    pair.tokenizer.eos_token = None
    with pytest.raises(InputError, match="no end token"):
        assemble(pair.lm, pair.tokenizer, vector_dim=32, spec=BridgeSpec())


def test_a_language_model_given_as_encoder_is_refused(toy_bridge: Path) -> None:
    with pytest.raises(InputError, match="did you swap encoder and LM"):
        load_training_encoder(BridgeSpec(encoder=str(toy_bridge)))


def test_an_encoder_given_as_language_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match="did you swap the two"):
        load_pair(str(tmp_path), vector_dim=32, spec=BridgeSpec())


def test_the_placeholder_is_added_and_the_embeddings_grow(toy_bridge: Path) -> None:
    tokenizer = train_tokenizer(toy.TEXTS, 380)
    pair = new_pair(
        toy.CONFIG | {"vocab_size": 300},
        tokenizer,
        vector_dim=8,
        spec=BridgeSpec(),
        projector_type="mlp1x_gelu",
        seed=0,
    )
    assert pair.lm.get_input_embeddings().num_embeddings == len(tokenizer)
    assert pair.projector.projector_type == "mlp1x_gelu"


def test_the_bundled_encoder_is_known_by_its_hash() -> None:
    encoder, spec = load_training_encoder(BridgeSpec(encoder=MINILM, vector_norm="unit"), device="cpu")
    assert (encoder.vector_dim, spec.pooling, spec.encoder_max_tokens) == (384, "mean", 256)
    assert (spec.encoder, spec.encoder_sha256) == (MINILM, WEIGHTS_SHA256)


def test_new_embeddings_are_drawn_from_the_seed(toy_bridge: Path) -> None:
    def embeddings(seed: int) -> torch.Tensor:
        pair = load_bridge(toy_bridge)
        pair.tokenizer.add_tokens([f"new{number}" for number in range(50)])
        pair = assemble(pair.lm, pair.tokenizer, vector_dim=32, spec=BridgeSpec(), seed=seed)
        return pair.lm.get_input_embeddings().weight.detach()

    first, again, other = embeddings(0), embeddings(0), embeddings(1)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("content", "match"),
    [("{", "is not JSON"), ('{"vocab_size": 300}', "expected an object with model_type")],
)
def test_a_bad_configuration_is_refused(tmp_path: Path, content: str, match: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=match):
        read_scratch_config(path)
    with pytest.raises(MissingFileError, match="does not exist"):
        read_scratch_config(tmp_path / "absent.json")


def test_an_architecture_that_does_not_exist_is_refused() -> None:
    tokenizer = train_tokenizer(toy.TEXTS, 300)
    config = {"model_type": "no-such-model", "vocab_size": 300}
    with pytest.raises(InputError, match="no language model can be made"):
        new_pair(config, tokenizer, vector_dim=8, spec=BridgeSpec(), projector_type="mlp2x_gelu", seed=0)


def test_export_and_load_give_the_same_pair_in_bfloat16(toy_bridge: Path, tmp_path: Path) -> None:
    pair = load_bridge(toy_bridge)
    again = load_bridge(export_bridge(pair, tmp_path / "again", card=Card("again")))
    for (name, one), (_, other) in zip(pair.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other), name
    assert read_spec(tmp_path / "again") == pair.spec
    index = json.loads((tmp_path / "again" / "model.safetensors.index.json").read_text(encoding="utf-8"))
    assert set(index["weight_map"]) == {*read_tensors(tmp_path / "again", "")}


def test_a_bridge_over_another_leaves_what_is_none_of_it_and_no_old_shard(toy_bridge: Path, tmp_path: Path) -> None:
    pair, out = load_bridge(toy_bridge), tmp_path / "out"
    export_bridge(pair, out, card=Card("old"))
    index = json.loads((out / INDEX_NAME).read_text(encoding="utf-8"))
    for name in ("notes.txt", "mine.safetensors", "model-00002-of-00002.safetensors"):
        (out / name).write_bytes(b"")
    index["weight_map"] |= {"old": "model-00002-of-00002.safetensors"}
    (out / INDEX_NAME).write_text(json.dumps(index), encoding="utf-8")
    export_bridge(pair, out, card=Card("new"))
    assert {path.name for path in out.iterdir()} - {path.name for path in toy_bridge.iterdir()} == {
        "notes.txt", "mine.safetensors",
    }  # fmt: skip
    assert load_bridge(out).spec == pair.spec
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_export_that_fails_leaves_the_older_bridge(
    toy_bridge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, out = load_bridge(toy_bridge), tmp_path / "out"
    export_bridge(pair, out, card=Card("old"))
    before = fingerprint(out)
    pair.projector.projector[0].bias.data.add_(1.0)

    def disk_full(self: Card) -> str:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Card, "to_markdown", disk_full)
        with pytest.raises(OSError, match="No space left"):
            export_bridge(pair, out, card=Card("new"))
    assert fingerprint(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def dying_after(n_moves: int) -> Callable[[Path, Path], Path]:
    """Return a Path.replace that raises KeyboardInterrupt after so many moves."""
    move, left = Path.replace, iter(range(n_moves))

    def replace_or_die(path: Path, target: Path) -> Path:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return move(path, target)

    return replace_or_die


def test_an_export_that_dies_while_files_are_moved_leaves_no_bridge_rather_than_half_a_one(
    toy_bridge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, out = load_bridge(toy_bridge), tmp_path / "out"
    export_bridge(pair, out, card=Card("old"))
    pair.projector.projector[0].bias.data.add_(1.0)
    for n_moves in range(sum(1 for _ in out.iterdir())):
        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", dying_after(n_moves))
            with pytest.raises(KeyboardInterrupt):
                export_bridge(pair, out, card=Card("new"))
        with pytest.raises(BridgeError, match="no config.json"):
            smotext.load_decoder(str(out))
    export_bridge(pair, out, card=Card("new"))
    written = load_bridge(out).projector.projector[0].bias
    assert torch.equal(written, pair.projector.projector[0].bias.bfloat16().float())


@pytest.mark.skipif(os.name == "nt", reason="needs a umask")
@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o027, 0o640), (0o022, 0o644)])
def test_a_bridge_is_for_those_whom_the_umask_lets_read(
    toy_bridge: Path, tmp_path: Path, umask: int, mode: int
) -> None:
    before = os.umask(umask)
    try:
        made = export_bridge(load_bridge(toy_bridge), tmp_path / "out", card=Card("out"))
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in made.iterdir()} == {mode}
    assert made.stat().st_mode & 0o777 == 0o777 & ~umask


def test_a_bridge_stored_in_int8_is_half_as_large_and_writes_the_same(toy_bridge: Path, tmp_path: Path) -> None:
    pair, vectors = load_bridge(toy_bridge), toy.encoder().encode(toy.TEXTS)
    packed = export_bridge(pair, tmp_path / "int8", card=Card("int8"), dtype=torch.int8)
    sizes = [sum(path.stat().st_size for path in folder.glob("*.safetensors")) for folder in (toy_bridge, packed)]
    assert sizes[1] < 0.6 * sizes[0]
    again = load_bridge(packed)
    bits, packed_bits = (bits_per_character(one, toy.TEXTS, vectors) for one in (pair, again))
    assert packed_bits == pytest.approx(bits, rel=0.05)
    generation = {"eos_token_id": [2, 7]}
    (packed / "generation_config.json").write_text(json.dumps(generation), encoding="utf-8")
    decoder = smotext.load_decoder(str(packed))
    plain = smotext.load_decoder(str(toy_bridge))
    assert decoder.decode(vectors, max_new_tokens=40) == plain.decode(vectors, max_new_tokens=40)
    for (name, one), (_, other) in zip(pair.parameters(), again.parameters(), strict=True):
        assert (one - other).abs().max() <= one.abs().max() / 127, name
    lm = decoder.model
    assert lm.generation_config.eos_token_id == generation["eos_token_id"]
    assert lm.get_output_embeddings().weight is lm.get_input_embeddings().weight  # tied in the toy's configuration


def test_an_int8_bridge_that_lacks_a_tensor_is_refused(toy_bridge: Path, tmp_path: Path) -> None:
    packed = export_bridge(load_bridge(toy_bridge), tmp_path / "int8", card=Card("int8"), dtype=torch.int8)
    tensors = load_file(packed / "model.safetensors")
    del tensors["model.norm.weight"]
    save_file(tensors, packed / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BridgeError, match="missing: model.norm.weight"):
        smotext.load_decoder(str(packed))
    with pytest.raises(BridgeError, match="lacks the language model's tensors .'model.norm.weight'"):
        load_bridge(packed)


def test_texts_written_in_memory_are_those_of_the_bridge(toy_bridge: Path) -> None:
    texts = write_texts(load_bridge(toy_bridge), toy.encoder().encode(toy.TEXTS[:5]), max_new_tokens=40, batch_size=2)
    assert [text.strip() for text in texts] == toy.TEXTS[:5]


def test_the_guidance_head_finds_the_words_of_a_text_and_leaves_special_tokens_alone(
    toy_bridge: Path, tmp_path: Path
) -> None:
    pair = load_bridge(toy_bridge)
    store = PassageStore.create(
        tmp_path, toy.TEXTS, [], tokenizer=pair.tokenizer, encode=toy.encoder().encode, about={}
    )
    specials = [0, 1, 2, 3]
    head = fit_guidance(store, vocabulary=380, special_ids=specials, epochs=60, batch_size=16, learning_rate=0.1)
    bias = head.logit_bias(torch.from_numpy(toy.encoder().encode(toy.TEXTS)))
    assert float(bias[:, specials].abs().max()) == 0.0
    piece, is_found = store.piece(0), []
    for row in range(len(piece)):
        words = set(piece.passage(row).tolist())
        top = set(bias[row].topk(5).indices.tolist())
        is_found.append(len(words & top) >= 4)
    assert np.mean(is_found) > 0.9
