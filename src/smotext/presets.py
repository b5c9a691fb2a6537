"""Names for encoder + decoder pairs, and the functions that load them."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smotext.decoders.adapted import as_decoder
from smotext.encoders.adapted import as_encoder
from smotext.errors import InputError, ModelNotFoundError, UnknownNameError, suggest
from smotext.protocols import Decoder, Encoder

if TYPE_CHECKING:
    from smotext.decoders.bridge import BridgeSpec


@dataclass(frozen=True)
class Preset:
    """A named pair.

    Attributes
    ----------
    encoder, decoder : str
        Hub names, or ``"bundled"`` for what comes with the package.
    encoder_revision, decoder_revision : str or None
        Pinned commits on the hub.
    encoder_options : mapping
        How the encoder's vectors are taken, where that is not the model's own way.
    note : str
        What it is, in a line.
    """

    encoder: str
    decoder: str
    encoder_revision: str | None = None
    decoder_revision: str | None = None
    encoder_options: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


MINILM = "sentence-transformers/all-MiniLM-L6-v2"
SFR = "Salesforce/SFR-Embedding-Mistral"
SFR_REVISION = "938c560d1c236aa563b2dbdf084f28ab28bccb11"

# As the reference implementation takes them: the last token's hidden state, raw, of at most 180 tokens.
XRAG_VECTORS = {
    "pooling": "lasttoken", "normalize": False, "max_tokens": 180, "require_eos": True, "dtype": "bfloat16",
}  # fmt: skip

PRESETS = {
    "tiny": Preset(MINILM, "bundled", note="the bundled bridge: English, offline, runs on a laptop"),
    "xrag-7b": Preset(
        SFR, "Hannibal046/xrag-7b", SFR_REVISION, encoder_options=XRAG_VECTORS,
        note="the paper's pair: 2 x 14 GB in bfloat16",
    ),
    "xrag-moe": Preset(
        SFR, "Hannibal046/xrag-moe", SFR_REVISION, encoder_options=XRAG_VECTORS,
        note="xRAG's Mixtral 8x7B: 93 GB in bfloat16",
    ),
    "echo": Preset("hash", "echo", note="no models: hashed words in, made-up words out; for testing a pipeline"),
}  # fmt: skip


def bundled_bridge() -> Path:
    """Return the directory of the bridge that comes with the package."""
    return assets() / "tiny"


def load_encoder(
    name: str = "tiny",
    device: str | None = None,
    dtype: str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
) -> Encoder:
    """Return the encoder of a preset, of a bridge directory, or any sentence-transformers model.

    .. versionadded:: 0.1.0

    Parameters
    ----------
    name : str
        A preset; a bridge directory, whose ``smotext.json`` names its encoder; or a sentence-transformers
        model as a path or hub name. An existing path comes first.
    device : str, optional
        ``"cpu"``, ``"cuda"``, ...; None takes a GPU if there is one.
    dtype : {"float32", "bfloat16", "float16"}, optional
        None is bfloat16 on GPUs, and on CPUs where that was measured to be clearly faster (cosine above 0.999
        to float32's vectors); "float32" is exact: :class:`smotext.SMOTExT` takes it on CPUs. The xRAG presets use
        bfloat16, as they were trained.
    revision : str, optional
        Branch, tag or commit on the hub; None is the preset's pinned one.
    trust_remote_code : bool
        Whether code that comes with a hub model may run.

    Returns
    -------
    Encoder
        With ``encode(texts)``, float32 of shape (n_texts, vector_dim), and ``vector_dim``.

    Raises
    ------
    ModelNotFoundError
        If the name is none of these, or the model is neither on disk nor reachable.

    See Also
    --------
    load_decoder : The other half of the pair.
    HashEncoder : Needs no model; for tests.

    Examples
    --------
    >>> load_encoder("echo").encode(["two words"]).shape
    (1, 64)
    """
    given = {"device": device, "dtype": dtype, "revision": revision, "trust_remote_code": trust_remote_code}
    path = Path(_check_text(name)).expanduser()
    if is_bridge(path):
        from smotext.decoders.bridge import read_spec

        return _encoder_of_bridge(name, read_spec(path), given)
    preset = _preset_of(name)
    if preset is None:
        _check_name(name)
        return _load_sentence_encoder(name, given)
    if preset.encoder == "hash":
        from smotext.encoders.hashing import HashEncoder

        return HashEncoder()
    own = {**preset.encoder_options, "revision": preset.encoder_revision}
    return _load_sentence_encoder(preset.encoder, given, own)


def load_decoder(
    name: str = "tiny",
    device: str | None = None,
    dtype: str | None = None,
    quantization: str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
) -> Decoder:
    """Return the decoder of a preset, or of a bridge given as a directory or hub name.

    .. versionadded:: 0.1.0

    Parameters
    ----------
    name : str
        A preset, a bridge directory, or the hub name of a bridge in xRAG's checkpoint format. An existing
        path comes first.
    device : str, optional
        ``"cpu"``, ``"cuda"``, ... or ``"auto"``, which spreads a large model over what there is.
    dtype : {"float32", "bfloat16", "float16"}, optional
        None is float32 on CPUs, where it makes texts independent of the batch size, and bfloat16 on GPUs.
    quantization : {"4bit", "8bit"}, optional
        Through bitsandbytes (extra ``quant``).
    revision : str, optional
        Branch, tag or commit on the hub; None is the preset's pinned one.
    trust_remote_code : bool
        Whether code that comes with a hub model may run.

    Returns
    -------
    Decoder
        With ``decode(vectors, ...)`` and ``vector_dim``.

    Raises
    ------
    ModelNotFoundError
        If the name is none of these, or the model is neither on disk nor reachable.
    BridgeError
        If the directory is not a usable bridge.

    See Also
    --------
    load_encoder : The other half of the pair.
    EchoDecoder : Needs no model; for tests.

    Examples
    --------
    >>> load_decoder("echo").vector_dim
    64
    """
    preset = _preset_of(_check_text(name))
    if preset is not None and preset.decoder == "echo":
        from smotext.decoders.echo import EchoDecoder

        return EchoDecoder()
    # The directory is found before torch is imported: a mistyped name should not take seconds to be told.
    directory = decoder_directory(name, revision)
    from smotext.decoders.loading import DecoderSettings, load

    return load(DecoderSettings(str(directory), device, dtype, quantization, trust_remote_code))


def decoder_directory(name: str, revision: str | None = None) -> Path:
    """Return the bridge directory of a preset (not ``"echo"``), path or hub name; fetched if it is not here.

    Raises
    ------
    ModelNotFoundError
        If the name is none of these, or it is neither on this machine nor reachable.
    """
    from smotext.utils.hub import resolve_directory

    preset = _preset_of(name)
    if preset is None:
        _check_name(name)
        return resolve_directory(name, revision=revision)
    if preset.decoder == "echo":
        raise InputError("preset 'echo' has no bridge: it writes made-up words; expected 'tiny' or a bridge directory")
    if preset.decoder == "bundled":
        return bundled_bridge()
    return resolve_directory(preset.decoder, revision=revision or preset.decoder_revision)


def load_pair(
    model: str,
    *,
    encoder: Any = None,
    decoder: Any = None,
    device: str | None = None,
    dtype: str | None = None,
) -> tuple[Encoder, Decoder]:
    """Return encoder and decoder of a preset or bridge; `encoder` and `decoder` override either.

    An object of the caller's own is adapted here, and here alone: what follows asks no model what it can do.

    The device ``"auto"``, which spreads a decoder over several GPUs, puts the encoder on one.

    Raises
    ------
    InputError
        If an object lacks ``encode`` or ``decode``, the bridge names no encoder, or their widths differ.
    """
    model = _check_text(model)
    if decoder is None:
        decoder = load_decoder(model, device=device, dtype=dtype)
    if encoder is None:
        place = None if device == "auto" else device
        dtype = dtype_of_pair(model, place, dtype)
        encoder = load_encoder_of(model, getattr(decoder, "spec", None), device=place, dtype=dtype)
    encoder, decoder = as_encoder(encoder), as_decoder(decoder)
    if decoder.vector_dim is not None and encoder.vector_dim != decoder.vector_dim:
        raise InputError(
            f"the encoder's vectors have {encoder.vector_dim} dimensions and the decoder takes {decoder.vector_dim}: "
            "use the encoder that the bridge was trained with"
        )
    return encoder, decoder


def dtype_of_pair(model: str, device: str | None, dtype: str | None) -> str | None:
    """Return the number format of a pair's encoder: what was given, the preset's own, or its decoder's default.

    Alone an encoder takes bfloat16 where that is fast. There a vector depends a little on its neighbours in the batch,
    and so on what was cached before: in a pair, a seed is to give the same texts on every CPU and every time.
    """
    preset = _preset_of(model)
    if dtype is not None or (preset is not None and (preset.encoder == "hash" or "dtype" in preset.encoder_options)):
        return dtype
    from smotext.utils.devices import default_device, default_dtype

    return default_dtype(device or default_device())


def _preset_of(name: str) -> Preset | None:
    """Return the preset of that name; None for another name, and where a directory of it is there."""
    return None if Path(name).expanduser().is_dir() else PRESETS.get(name)


def is_bridge(directory: Path) -> bool:
    """Return True if the directory's config.json describes a projector."""
    config = directory / "config.json"
    return config.is_file() and '"projector_type"' in config.read_text(encoding="utf-8")


def load_encoder_of(
    model: str, spec: BridgeSpec | None, *, device: str | None = None, dtype: str | None = None
) -> Encoder:
    """Return the encoder that belongs to a preset, or that the bridge of this spec was trained with."""
    if _preset_of(model) is not None:
        return load_encoder(model, device=device, dtype=dtype)
    return _encoder_of_bridge(model, spec, {"device": device, "dtype": dtype})


def _encoder_of_bridge(name: str, spec: BridgeSpec | None, given: Mapping[str, Any]) -> Encoder:
    if spec is None or spec.encoder is None:
        raise InputError(f"bridge {name!r} does not say which encoder it was trained with: pass encoder=")
    own = {
        "revision": spec.encoder_revision,
        "pooling": spec.pooling,
        "max_tokens": spec.encoder_max_tokens,
        "normalize": spec.vector_norm == "unit" or spec.aligned_to is not None,
    }
    try:
        return _load_sentence_encoder(spec.encoder, given, own)
    except ModelNotFoundError as error:
        if not name:
            raise
        raise ModelNotFoundError(f"the encoder that bridge {name!r} names was not found: {error}") from error


def _load_sentence_encoder(name: str, given: Mapping[str, Any], own: Mapping[str, Any] | None = None) -> Encoder:
    """Return the encoder with the caller's options where there are some, else with its `own`."""
    from smotext.encoders.loading import load_sentence_encoder
    from smotext.encoders.minilm import find_minilm

    options = {**(own or {}), **{key: value for key, value in given.items() if value is not None}}
    place = find_minilm() if name == MINILM and not Path(name).is_dir() else name
    return load_sentence_encoder(place, **options)


def _check_text(name: Any) -> str:
    """Return the name of a model, a path as a string; raise InputError for anything else."""
    if not isinstance(name, str | Path) or not str(name).strip():
        raise InputError(f"model is {name!r}: expected a preset ({', '.join(PRESETS)}), a directory or a hub name")
    return str(name)


def _check_name(name: str) -> None:
    """Raise the error for a name that is no preset, no path and can't be a hub name."""
    if Path(name).expanduser().is_dir() or name.count("/") == 1:
        return
    if "/" in name or name.startswith((".", "~")):
        raise ModelNotFoundError(f"no model directory at {name!r}: check the path")
    raise UnknownNameError(
        f"unknown preset {name!r}: expected one of {', '.join(PRESETS)}, a directory, or a hub name 'owner/model'"
        f"{suggest(name, PRESETS)}"
    )


def assets() -> Path:
    """Return the directory of what comes with the package: the bundled bridge, facts about checkpoints."""
    return Path(str(importlib.resources.files("smotext") / "assets"))
