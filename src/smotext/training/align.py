"""``smotext align``: decode another encoder's vectors with a bridge, by a linear map instead of training."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.decoders.alignment import ALIGNMENT_NAME, write_alignment
from smotext.decoders.bridge import SPEC_NAME, BridgeSpec
from smotext.encoders.adapted import as_encoder
from smotext.encoders.cache import encode_cached
from smotext.errors import InputError, warn_caller
from smotext.presets import MINILM, assets, decoder_directory, load_decoder, load_encoder_of
from smotext.protocols import class_name
from smotext.training.data.corpus_files import read_documents
from smotext.training.export import Card, check_bridge_output, let_others_read, staged
from smotext.training.linear_map import FittedMap, cosines, fit_map
from smotext.utils.seeding import generator

MIN_ALIGNED_TEXTS = 20
LEAST_KEPT = 0.5
N_WRITTEN = 48
_HELD_OUT = 0.1
_METRICS = ("cosine", "dot")  # of sentence-transformers' names; angles decide in both


@dataclass(frozen=True)
class RoundTrip:
    """Cosines between texts and what was written for their vectors, both encoded again, in one encoder's space.

    Attributes
    ----------
    own : float
        Written from the vectors of the bridge's own encoder.
    mapped : float
        Written from the other encoder's vectors, through the map.
    by_chance : float
        Between what was written through the map and other texts than those asked for.
    """

    own: float
    mapped: float
    by_chance: float

    @property
    def kept(self) -> float:
        """Share of what the bridge's own vectors bring above chance that comes through the map."""
        return (self.mapped - self.by_chance) / max(self.own - self.by_chance, 1e-6)


@dataclass(frozen=True)
class Aligned:
    """A bridge for another encoder, and how well it fits.

    Attributes
    ----------
    path : Path
        The bridge directory.
    map : FittedMap
    n_texts, n_held_out : int
        Texts that the map was fitted on, and that it was not.
    in_bridge, in_encoder : RoundTrip
        In the space of the bridge's own encoder, and in the other's.
    """

    path: Path
    map: FittedMap
    n_texts: int
    n_held_out: int
    in_bridge: RoundTrip
    in_encoder: RoundTrip


def align(
    encoder: Any,
    output: str | Path,
    *,
    bridge: str = "tiny",
    texts: Sequence[str] | None = None,
    least_kept: float = LEAST_KEPT,
    n_written: int = N_WRITTEN,
    device: str | None = None,
    random_state: int = 0,
    report: Callable[[dict[str, Any]], None] | None = None,
    command: str = "",
) -> Aligned:
    """Write a bridge that decodes the vectors of `encoder`, and return how well it does.

    A linear map from the encoder's vectors to those that the bridge was trained on is fitted on texts that both encode.
    What is written into `output` loads like any bridge: texts are mixed, compared and filtered by the encoder's
    vectors, and decoded through the map.

    Parameters
    ----------
    encoder : object
        With ``encode(texts)``; of :func:`smotext.load_encoder`, or your own. A bridge for your own object does not name
        it: ``SMOTExT(model=output, encoder=encoder)``.
    output : path
        The new bridge directory. Weights of the language model, where the bridge holds them, are linked where the file
        system can.
    bridge : str
        A preset, bridge directory or hub name.
    texts : sequence of str, optional
        At least 20, better thousands, without labels. None: 4,200 short English passages that come with the package.
    least_kept : float
        Refuse a map through which less comes of what the bridge's own vectors bring above chance
        (:attr:`RoundTrip.kept`, in either space).
    n_written : int
        Held-out texts that are written again to measure that; at most so many.
    device : str, optional
        Of the bridge; None: a GPU if there is one.
    random_state : int
        Of which texts are held out.
    report : callable, optional
        Called with what is done next, as ``{"doing": ...}``.
    command : str
        For the card.

    Returns
    -------
    Aligned

    Raises
    ------
    InputError
        If too little comes through the map, which the message says in numbers; for too few texts, an encoder whose
        vectors have no fixed width, or a bridge that was itself aligned.

    Examples
    --------
    >>> from smotext import HashEncoder
    >>> align(HashEncoder(), "out", bridge="echo")
    Traceback (most recent call last):
        ...
    smotext.errors.InputError: preset 'echo' has no bridge: it writes made-up words; expected 'tiny' or a bridge
    directory
    """
    tell = report or (lambda entry: None)
    _warn_of_metric(encoder)
    encoder = as_encoder(encoder)
    directory = decoder_directory(bridge)
    check_bridge_output(output)
    if Path(output).resolve() == directory.resolve():
        raise InputError(f"{output} is the bridge that is aligned: choose another directory for the output")
    if isinstance(texts, str):
        raise InputError(
            f"texts is the text {texts!r:.60}: expected a list of texts, or None for those that ship with it"
        )
    texts = _different(load_texts() if texts is None else texts)
    decoder: Any = load_decoder(bridge, device=device)
    if decoder.alignment is not None:
        raise InputError(
            f"bridge {bridge!r} was aligned to another encoder itself: name the bridge that it was made of"
        )
    own = load_encoder_of(bridge, decoder.spec, device=device)
    tell({"doing": f"encoding {len(texts)} texts twice"})
    given, wanted = encode_cached(encoder, texts), encode_cached(own, texts)
    has_direction = np.asarray(given.any(axis=1))
    texts = [text for text, has in zip(texts, has_direction, strict=True) if has]
    _check_number(texts, "texts that the encoder has vectors for")
    given, wanted = given[has_direction], wanted[has_direction]
    is_held_out = _held_out(len(texts), random_state)
    tell({"doing": "fitting the map"})
    found = fit_map(given, wanted, is_held_out)
    tell({"doing": "writing held-out texts again"})
    rows = np.flatnonzero(is_held_out)[:n_written]
    asked = [texts[row] for row in rows]
    written = [
        decoder.decode(vectors, max_new_tokens=decoder.max_new_tokens)
        for vectors in (wanted[rows], found.alignment(given[rows]))
    ]
    in_bridge = _round_trip(own, wanted[rows], *written)
    in_encoder = _round_trip(encoder, given[rows], *written)
    outcome = Aligned(Path(output), found, int((~is_held_out).sum()), int(is_held_out.sum()), in_bridge, in_encoder)
    _check_kept(outcome, encoder, bridge, least_kept)
    spec = _spec(encoder, decoder.spec, _name(own) or decoder.spec.encoder)
    _write(
        directory, outcome, spec, _card(bridge, outcome, spec, command, list(zip(asked, *written, strict=True))[:10])
    )
    return outcome


def load_texts() -> list[str]:
    """Return the short English passages that come with the package, 700 of each of six open sources.

    Examples
    --------
    >>> len(load_texts())
    4200
    """
    return list(read_documents(assets() / "align" / "texts.jsonl.xz"))


def _warn_of_metric(encoder: Any) -> None:
    """Warn where an encoder says that it compares its vectors by more than their directions."""
    metric = getattr(getattr(encoder, "model", encoder), "similarity_fn_name", None)
    if isinstance(metric, str) and metric not in _METRICS:
        warn_caller(
            f"the encoder compares its vectors by {metric}: here only their directions count, as for the cosine"
        )


def _different(texts: Sequence[str]) -> list[str]:
    found = list(dict.fromkeys(text for text in texts if isinstance(text, str) and text.strip()))
    _check_number(found, "different texts")
    return found


def _check_number(texts: Sequence[str], what: str) -> None:
    if len(texts) < MIN_ALIGNED_TEXTS:
        raise InputError(
            f"{len(texts)} {what} to align with: expected at least {MIN_ALIGNED_TEXTS}, better thousands; without any "
            "given, those that come with the package are taken"
        )


def _held_out(n_texts: int, seed: int) -> NDArray[np.bool_]:
    is_held_out = np.zeros(n_texts, dtype=np.bool_)
    order = generator(seed, "align").permutation(n_texts)
    is_held_out[order[: max(5, round(_HELD_OUT * n_texts))]] = True
    return is_held_out


def _round_trip(encoder: Any, asked: NDArray[np.float32], own: list[str], mapped: list[str]) -> RoundTrip:
    from_own, from_map = (encode_cached(encoder, [text or " " for text in some], keeps=False) for some in (own, mapped))
    others = np.roll(asked, 1, axis=0)
    return RoundTrip(
        *(float(cosines(*pair).mean()) for pair in ((from_own, asked), (from_map, asked), (from_map, others)))
    )


def _check_kept(outcome: Aligned, encoder: Any, bridge: str, least_kept: float) -> None:
    worst = min((outcome.in_bridge, outcome.in_encoder), key=lambda trip: trip.kept)
    if worst.kept >= least_kept:
        return
    space = "the bridge's space" if worst is outcome.in_bridge else "the encoder's space"
    raise InputError(
        f"{_name(encoder) or class_name(encoder)} does not go with bridge {bridge!r}: {worst.kept:.0%} of what the "
        f"bridge's own vectors bring comes through the map, expected {least_kept:.0%} (round-trip cosine in {space} "
        f"{worst.mapped:.2f}, with its own vectors {worst.own:.2f}, by chance {worst.by_chance:.2f}). Give texts like "
        "yours, use another encoder, train a bridge for this one (smotext train --bridge), or lower least_kept"
    )


def _spec(encoder: Any, spec: BridgeSpec, aligned_to: str | None) -> BridgeSpec:
    """Return the bridge's spec for another encoder."""
    name, settings = _name(encoder), getattr(encoder, "settings", None)
    return replace(
        spec,
        encoder=name,
        encoder_revision=getattr(settings, "revision", None),
        encoder_sha256=None,
        pooling=getattr(settings, "pooling", None),
        encoder_max_tokens=None if name is None else encoder.max_tokens,
        aligned_to=aligned_to or "an encoder without a name",
    )


def _name(encoder: Any) -> str | None:
    """Return the hub name or path that the encoder is loaded by; None for an object of somebody's own."""
    from smotext.encoders.minilm import PACKAGE

    name = getattr(getattr(encoder, "settings", None), "name", None)
    return MINILM if name is not None and PACKAGE in Path(name).parts else name


def _write(directory: Path, outcome: Aligned, spec: BridgeSpec, card: Card) -> None:
    """Write the bridge directory: what the bridge consists of, the map, and what says so."""
    with staged(outcome.path) as staging:
        for path in directory.iterdir():
            if path.is_file() and path.name not in (SPEC_NAME, "README.md"):
                _carry(path.resolve(), staging / path.name)
        (staging / SPEC_NAME).write_text(spec.to_json(), encoding="utf-8")
        (staging / "README.md").write_text(card.to_markdown(), encoding="utf-8")
        write_alignment(outcome.map.alignment, staging)
        let_others_read(staging, [ALIGNMENT_NAME])


def _carry(source: Path, target: Path) -> None:
    """Link a file of weights, which can be many gigabytes and is never changed in place; copy any other."""
    if target.suffix == ".safetensors":
        try:
            os.link(source, target)
        except OSError:
            pass  # another file system, or one without links
        else:
            return
    shutil.copyfile(source, target)


def _card(bridge: str, outcome: Aligned, spec: BridgeSpec, command: str, samples: list[tuple[str, str, str]]) -> Card:
    columns = {
        "own vectors": {"in the bridge's space": outcome.in_bridge.own, "in the encoder's": outcome.in_encoder.own},
        "mapped": {"in the bridge's space": outcome.in_bridge.mapped, "in the encoder's": outcome.in_encoder.mapped},
        "by chance": {
            "in the bridge's space": outcome.in_bridge.by_chance, "in the encoder's": outcome.in_encoder.by_chance,
        },
    }  # fmt: skip
    about = {
        "aligned from": f"{bridge}, trained with {spec.aligned_to}",
        "encoder": spec.encoder or "not named: pass encoder=",
        "map": f"{outcome.map.kind}, fitted on {outcome.n_texts} texts, chosen on {outcome.n_held_out} others "
        f"(cosine to the bridge's vectors there: {outcome.map.held_out_cosine:.3f})",
    }
    lines = ["Greedy texts for held-out ones:", "| text | from its own vector | through the map |\n|---|---|---|"]
    lines[1] += "".join(
        f"\n| {' | '.join(' '.join(cell.split()).replace('|', '/') for cell in row)} |" for row in samples
    )
    return Card(
        title="A bridge aligned to another encoder", about=about, scores=columns, command=command, notes=lines,
        license="as of the bridge",
    )  # fmt: skip
