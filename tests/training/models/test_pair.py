"""Language models that fit, and those that are refused; export; the guidance head's fit."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import smotext
from smotext.decoders.bridge import INDEX_NAME, BridgeSpec, fingerprint, read_spec, read_tensors
from smotext.decoders.guidance import Guidance
from smotext.decoders.prompt_templates import PLACEHOLDER
from smotext.encoders.minilm import WEIGHTS_SHA256
from smotext.errors import BridgeError, InputError
from smotext.presets import MINILM
from smotext.training.data.passage_store import PassageStore
from smotext.training.export import Card, export_bridge
from smotext.training.guidance_head import fit_guidance
from smotext.training.models.pair import assemble_pair, load_bridge, load_training_pair
from smotext.training.models.training_encoder import load_training_encoder, with_encoder
from smotext.training.scoring.pair_texts import write_texts
from tests.training import toy


def test_an_encoder_in_a_directory_is_named_by_its_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my-encoder").mkdir()
    monkeypatch.chdir(tmp_path)
    spec = with_encoder(BridgeSpec(), "./my-encoder")
    assert spec.encoder == str(tmp_path.resolve() / "my-encoder")
    assert with_encoder(BridgeSpec(), "org/my-encoder").encoder == "org/my-encoder"
    own = BridgeSpec(encoder=spec.encoder, pooling="cls")
    assert with_encoder(own, "my-encoder") == own


def test_a_tokenizer_without_an_end_token_is_refused(toy_bridge: Path) -> None:
    pair = load_bridge(toy_bridge)
    pair.tokenizer.eos_token = None
    with pytest.raises(InputError, match="no end token"):
        assemble_pair(pair.lm, pair.tokenizer, vector_dim=32, spec=BridgeSpec())


def test_a_language_model_given_as_encoder_is_refused(toy_bridge: Path) -> None:
    with pytest.raises(InputError, match="did you swap encoder and LM"):
        load_training_encoder(BridgeSpec(encoder=str(toy_bridge)))


def test_an_encoder_given_as_language_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match="did you swap the two"):
        load_training_pair(str(tmp_path), vector_dim=32, spec=BridgeSpec())


def test_the_placeholder_is_added_and_the_language_models_table_stays_as_it_is(toy_bridge: Path) -> None:
    lm, tokenizer = toy.language_model(vocab_size=toy.VOCABULARY - 1), toy.tokenizer()
    before = lm.get_input_embeddings().weight.clone()
    tokenizer.add_tokens([f"w{number}" for number in range(toy.VOCABULARY - 1 - len(tokenizer))])
    pair = assemble_pair(lm, tokenizer, vector_dim=8, spec=BridgeSpec(), projector={"projector_type": "mlp1x_gelu"})
    assert PLACEHOLDER in pair.tokenizer.all_special_tokens
    assert torch.equal(pair.lm.get_input_embeddings().weight, before)
    assert pair.projector.projector_type == "mlp1x_gelu"


def test_new_projectors_are_drawn_from_the_seed() -> None:
    def weights(seed: int) -> list[torch.Tensor]:
        pair = assemble_pair(toy.language_model(), toy.tokenizer(), vector_dim=8, spec=BridgeSpec(), seed=seed)
        return [*pair.projector.state_dict().values()]

    first, again, other = weights(0), weights(0), weights(1)
    assert all(map(torch.equal, first, again))
    assert not any(map(torch.equal, first, other))


def test_the_bundled_encoder_is_known_by_its_hash() -> None:
    encoder, spec = load_training_encoder(BridgeSpec(encoder=MINILM, vector_norm="unit"), device="cpu")
    assert (encoder.vector_dim, spec.pooling, spec.encoder_max_tokens) == (384, "mean", 256)
    assert (spec.encoder, spec.encoder_sha256) == (MINILM, WEIGHTS_SHA256)


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


def test_texts_written_in_memory_are_those_of_the_bridge(toy_bridge: Path) -> None:
    texts = write_texts(load_bridge(toy_bridge), toy.encoder().encode(toy.TEXTS[:5]), max_new_tokens=40, batch_size=2)
    assert [text.strip() for text in texts] == toy.TEXTS[:5]


@pytest.mark.parametrize(("is_tied", "hidden_size"), [(True, 0), (True, 128), (False, 0)])
def test_the_guidance_head_finds_the_words_of_a_text_and_leaves_special_tokens_alone(
    toy_bridge: Path, tmp_path: Path, is_tied: bool, hidden_size: int
) -> None:
    pair = load_bridge(toy_bridge)
    store = PassageStore.create(
        tmp_path, toy.TEXTS, [], tokenize=pair.prompts.text_ids, encode=toy.encoder().encode, about={}
    )
    specials = [0, 1, 2, 3]
    torch.manual_seed(0)
    head = Guidance(380, 32, pair.lm.get_input_embeddings().weight if is_tied else None, hidden_size)
    rate = 0.01 if hidden_size else 0.1
    assert fit_guidance(head, store, special_ids=specials, epochs=60, batch_size=16, learning_rate=rate) is head
    assert len(head.weight) == (64 if is_tied else 380)
    assert not any(weight.requires_grad for weight in head.parameters())
    bias = head.logit_bias(torch.from_numpy(toy.encoder().encode(toy.TEXTS)))
    assert float(bias[:, specials].abs().max()) == 0.0
    piece, is_found = store.piece(0), []
    for row in range(len(piece)):
        words = set(piece.passage(row).tolist())
        top = set(bias[row].topk(5).indices.tolist())
        is_found.append(len(words & top) >= 4)
    assert np.mean(is_found) > 0.9
