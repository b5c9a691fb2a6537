"""Aligning a toy bridge to encoders whose vectors are those of its own, turned, or of nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import smotext
from smotext import HashEncoder, align
from smotext.cli.entry import run
from smotext.decoders.bridge import read_spec
from smotext.downloads import check_preset
from smotext.errors import BridgeError, InputError, SmotextWarning
from smotext.training.adapt import DEFAULTS, adapt_bridge
from smotext.training.align import RoundTrip, load_texts
from smotext.training.linear_map import fit_map
from smotext.training.models.pair import load_bridge
from smotext.training.scoring.score import bits_per_character
from tests.training import toy


@pytest.fixture(autouse=True)
def _its_own_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy bridge does not name its encoder."""
    monkeypatch.setattr("smotext.training.align.load_encoder_of", lambda *args, **options: toy.encoder())


class TurnedEncoder:
    """The toy bridge's encoder, its vectors turned, stretched and padded to another width."""

    def __init__(self, width: int = 32) -> None:
        rng = np.random.default_rng(0)
        self.turn = np.linalg.qr(rng.normal(size=(width, width)))[0][:32]  # (32, width), orthonormal rows

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        return (3 * toy.encoder().encode(texts) @ self.turn).astype(np.float32)


def greedy(bridge: Path, vectors: NDArray[np.float32]) -> list[str]:
    return smotext.load_decoder(str(bridge)).decode(vectors, max_new_tokens=30)


@pytest.mark.parametrize(("width", "kind"), [(32, "procrustes"), (48, "ridge")])
def test_turned_vectors_are_decoded_as_the_bridges_own(toy_bridge: Path, tmp_path: Path, width: int, kind: str) -> None:
    encoder = TurnedEncoder(width)
    found = align(encoder, tmp_path / "out", bridge=str(toy_bridge), texts=toy.TEXTS)
    assert (found.map.kind, found.n_texts, found.n_held_out) == (kind, 27, 5)
    assert found.map.held_out_cosine > 0.99
    assert found.in_bridge.mapped == pytest.approx(found.in_bridge.own, abs=0.05)
    assert found.in_encoder.kept > 0.9
    decoder = smotext.load_decoder(str(tmp_path / "out"))
    assert decoder.vector_dim == width
    texts = toy.TEXTS[:8]
    assert greedy(tmp_path / "out", encoder.encode(texts)) == greedy(toy_bridge, toy.encoder().encode(texts))


def test_an_aligned_bridge_is_scored_mixed_and_adapted_in_the_other_space(toy_bridge: Path, tmp_path: Path) -> None:
    encoder, out = TurnedEncoder(48), tmp_path / "out"
    align(encoder, out, bridge=str(toy_bridge), texts=toy.TEXTS)
    pair, own = load_bridge(out), load_bridge(toy_bridge)
    bits = bits_per_character(pair, toy.TEXTS, pair.aligned(encoder.encode(toy.TEXTS)))
    assert bits == pytest.approx(bits_per_character(own, toy.TEXTS, toy.encoder().encode(toy.TEXTS)), abs=0.05)

    sampler = smotext.SMOTExT(str(out), encoder=encoder, random_state=0, max_new_tokens=20, candidates=1)
    others = [f"{who} likes to eat warm bread." for who in toy.WHO]  # the bridge knows its texts by heart: copies
    rows = sampler.generate(others, ["a"] * len(others), n=2)
    assert len(rows) == 2

    settings = DEFAULTS.__class__(**{**DEFAULTS.__dict__, "epochs": 1, "batch_size": 16})
    adapt_bridge(out, toy.TEXTS, tmp_path / "adapted", encoder=encoder, settings=settings, n_written=1)
    assert smotext.load_decoder(str(tmp_path / "adapted")).vector_dim == 48


class BlindEncoder(TurnedEncoder):
    """Sees nothing but the length of a text."""

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        return np.array([[len(text), 1.0, len(text) % 3] for text in texts], dtype=np.float32)


def test_a_map_through_which_too_little_comes_is_refused_with_the_numbers(toy_bridge: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"BlindEncoder does not go with .*% of what .* expected 50% \(round-trip cosine"
    ):
        align(BlindEncoder(), tmp_path / "out", bridge=str(toy_bridge), texts=toy.TEXTS)
    assert not (tmp_path / "out").exists()


def test_kept_is_the_share_above_chance() -> None:
    assert RoundTrip(own=0.7, mapped=0.4, by_chance=0.1).kept == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"texts": ["one", "one", " "]}, "1 different texts to align with: expected at least 20"),
        ({"bridge": "echo"}, "preset 'echo' has no bridge"),
        ({"encoder": "tiny"}, "is a name: pass smotext.load_encoder"),
        ({"encoder": 3}, "encoder=3 has no .encode"),
    ],
)  # fmt: skip
def test_what_cannot_be_aligned_is_said_before_a_model_runs(
    toy_bridge: Path, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    given = {"encoder": TurnedEncoder(), "bridge": str(toy_bridge), "texts": toy.TEXTS, **change}
    with pytest.raises(InputError, match=message):
        align(given.pop("encoder"), tmp_path / "out", **given)


class UnevenEncoder(TurnedEncoder):
    vector_dim = 32

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        return super().encode(texts)[:, : 16 + len(texts)]


class OtherMetric(TurnedEncoder):
    similarity_fn_name = "euclidean"


def test_vectors_without_a_fixed_width_are_refused(toy_bridge: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"UnevenEncoder returned shape \(5, 21\): expected \(5, 32\)"):
        align(UnevenEncoder(), tmp_path / "out", bridge=str(toy_bridge), texts=toy.TEXTS)


def test_another_metric_is_told(toy_bridge: Path, tmp_path: Path) -> None:
    with pytest.warns(SmotextWarning, match="compares its vectors by euclidean"):
        align(OtherMetric(), tmp_path / "out", bridge=str(toy_bridge), texts=toy.TEXTS)


def test_a_bridge_and_its_map_belong_together(toy_bridge: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    align(TurnedEncoder(48), out, bridge=str(toy_bridge), texts=toy.TEXTS)
    assert read_spec(out).aligned_to == "an encoder without a name"
    assert all(finding.is_ok for finding in check_preset(str(out)))
    with pytest.raises(InputError, match="was aligned to another encoder itself"):
        align(TurnedEncoder(), tmp_path / "twice", bridge=str(out), texts=toy.TEXTS)
    spec = json.loads((out / "smotext.json").read_text(encoding="utf-8"))
    (out / "smotext.json").write_text(json.dumps(spec | {"aligned_to": None}), encoding="utf-8")
    with pytest.raises(BridgeError, match="aligned_to is None and there is one"):
        smotext.load_decoder(str(out))


def test_a_zero_vector_has_no_direction(toy_bridge: Path, tmp_path: Path) -> None:
    align(TurnedEncoder(), tmp_path / "out", bridge=str(toy_bridge), texts=toy.TEXTS)
    with pytest.raises(InputError, match="vector 1 is all zeros"):
        greedy(tmp_path / "out", np.array([[1.0] * 32, [0.0] * 32], dtype=np.float32))


def test_ridge_finds_a_map_between_widths_that_a_rotation_cannot() -> None:
    rng = np.random.default_rng(1)
    given = rng.normal(size=(300, 6)).astype(np.float32)
    unit = given / np.linalg.norm(given, axis=1, keepdims=True)
    wanted = (unit @ rng.normal(size=(6, 4)) + 2.0).astype(np.float32)
    found = fit_map(given, wanted, np.arange(300) % 5 == 0)
    assert found.kind == "ridge"
    np.testing.assert_allclose(found.alignment(given), wanted, atol=0.01)


def test_texts_to_fit_on_come_with_the_package() -> None:
    texts = load_texts()
    assert len(texts) == len(set(texts)) == 4200
    assert max(map(len, texts)) <= 240


def test_the_command_writes_a_bridge_and_prints_both_spaces(
    toy_bridge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("smotext.presets.load_encoder", lambda name: HashEncoder(32))
    out = tmp_path / "out"
    command = ["align", str(toy.write_corpus(tmp_path)), "--encoder", "some/encoder", "--bridge", str(toy_bridge)]
    assert run([*command, "-o", str(out)]) == 0
    printed = capsys.readouterr()
    assert "through the map" in printed.out
    assert f"written: {out} (" in printed.err
    assert "Scores on held-out passages" in (out / "README.md").read_text(encoding="utf-8")
    assert run([*command, "-o", str(out), "--least-kept", "1.5"]) == 2
    assert "expected 150%" in capsys.readouterr().err


def test_one_text_in_place_of_a_list_is_refused_before_a_model_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="texts is the text 'one text': expected a list of texts"):
        align(HashEncoder(), tmp_path / "out", texts="one text")
