"""Loading a bridge directory, and refusing early what is none."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from smotext.decoders import bridge
from smotext.decoders.alignment import read_alignment
from smotext.decoders.base_model import find_base
from smotext.decoders.base_weights import assemble_language_model, base_tensors, check_fit
from smotext.decoders.guidance import Guidance
from smotext.decoders.language_model import LanguageModelDecoder
from smotext.decoders.lora_adapter import read_adapter
from smotext.decoders.projector import PREFIX, SlotProjector, projector_from_tensors
from smotext.decoders.prompt_context import hide_slots_from_lower_layers
from smotext.decoders.prompts import Prompts
from smotext.decoders.quiet_loading import quiet_loading
from smotext.errors import BridgeError, SmotextError, missing_extra, unknown_name
from smotext.utils.devices import default_device, default_dtype, find_device, find_dtype
from smotext.utils.hub import LoadedOnce

QUANTIZATIONS: dict[str, dict[str, Any]] = {
    "4bit": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
    "8bit": {"load_in_8bit": True},
}


_loaded: LoadedOnce[LanguageModelDecoder] = LoadedOnce()


@dataclass(frozen=True)
class DecoderSettings:
    """All that is needed to load the same decoder again, in this process or another."""

    directory: str
    device: str | None = None
    dtype: str | None = None
    quantization: str | None = None
    trust_remote_code: bool = False

    @property
    def name(self) -> str:
        """The bridge directory."""
        return self.directory

    def load(self) -> LanguageModelDecoder:
        """Return the decoder of these settings; one copy of the weights per process."""
        return load(self)


def load(settings: DecoderSettings) -> LanguageModelDecoder:
    """Return the decoder of a bridge directory; raises what :func:`read` raises.

    One copy of the weights per process and settings, however often a decoder is unpickled, until the files change.
    """
    return _loaded.get(settings, settings.directory, lambda: read(settings))


def read(settings: DecoderSettings) -> LanguageModelDecoder:
    """Read a bridge directory and return its decoder.

    Raises
    ------
    BridgeError
        If the projector type is unknown, the placeholder is missing, or tensors are missing or superfluous.
    UnknownNameError
        For an unknown dtype or quantization.
    ModelNotFoundError
        If the bridge names a language model that is not on this machine, nor to be had from the hub.
    InputError
        For a device that torch does not know or cannot use here.
    MissingExtraError
        If quantization is asked for and bitsandbytes is not installed.
    """
    from transformers import AutoTokenizer

    directory = Path(settings.directory)
    config, spec = bridge.read_config(directory), bridge.read_spec(directory)
    if spec.base is not None:
        # A missing language model is an error before anything else is read.
        find_base(spec.base, directory)
    with of_bridge(directory, "the projector"):
        tensors = bridge.read_tensors(directory, PREFIX)
    with of_bridge(directory, "the tokenizer"):
        tokenizer = AutoTokenizer.from_pretrained(directory, trust_remote_code=settings.trust_remote_code)
    if tokenizer.eos_token_id is None:
        raise BridgeError(f"the tokenizer of {directory} has no end-of-text token: set eos_token")
    # What is wrong here is an error before the weights are read.
    Prompts(tokenizer, spec).check()
    model = load_language_model(settings)
    table = model.get_input_embeddings().weight
    with of_bridge(directory, "the projector"):
        projector = projector_from_tensors(config, tensors, model.config)
    projector = projector.to(table.device, dtype_of(settings)).eval().requires_grad_(False)
    if isinstance(projector, SlotProjector):
        hide_slots_from_lower_layers(model, projector.first_layer)
    guidance = None
    if tensors := bridge.read_tensors(directory, bridge.GUIDANCE_PREFIX):
        guidance = Guidance.from_tensors(tensors, table).to(table.device)
    alignment = read_alignment(directory, spec.aligned_to, projector.vector_dim)
    return LanguageModelDecoder(settings, model, tokenizer, projector, spec, guidance, alignment)


def load_language_model(settings: DecoderSettings) -> Any:
    """Return the causal language model of a bridge directory, without its projector.

    ``from_pretrained`` reports ``projector.*`` as unexpected, as it should; any other tensor that is
    missing, unexpected or of another shape is an error here.
    """
    device = settings.device or default_device()
    if device != "auto":
        # What is wrong here is an error before the weights are read.
        find_device(device)
    options: dict[str, Any] = {"dtype": dtype_of(settings), "trust_remote_code": settings.trust_remote_code}
    if settings.quantization is not None:
        options["quantization_config"] = quantization_config(settings)
    if device == "auto" or settings.quantization is not None:
        if importlib.util.find_spec("accelerate") is None:
            what = 'device="auto"' if settings.quantization is None else f"quantization={settings.quantization!r}"
            raise missing_extra("accelerate", "quant" if settings.quantization else "train", what)
        options["device_map"] = "auto" if device == "auto" else {"": device}
    with of_bridge(settings.directory, "the language model"):
        model, report = read_language_model(settings.directory, ignore_mismatched_sizes=True, **options)
    # Our error names the tensors; transformers' own does not.
    check_report(report)
    if "device_map" not in options:
        model = model.to(device)
    return model.eval().requires_grad_(False)


def read_language_model(name: str, *, is_adapted: bool = True, **options: Any) -> tuple[Any, dict[str, Any]]:
    """Return a causal language model and what ``from_pretrained`` reports of its tensors.

    Parameters
    ----------
    name : str
        Hub name or directory. For a bridge that names its language model that one, with the bridge's adapter merged
        into it.
    is_adapted : bool
        Whether the bridge's adapter is merged into the language model that it names.
    options
        Of ``from_pretrained``.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

    directory = Path(name)
    base = bridge.read_spec(directory).base
    with quiet_loading():
        if base is None:
            refuse_pickled(directory)
            options["use_safetensors"] = True
            loaded: Any = AutoModelForCausalLM.from_pretrained(name, output_loading_info=True, **options)
            return loaded
        # A language model that is named has one of transformers' own architectures, which needs no foreign code.
        options.pop("trust_remote_code", None)
        config = AutoConfig.from_pretrained(name)
        # An adapter that cannot be merged is an error before the language model is read.
        adapter = read_adapter(directory, base) if is_adapted else None
        tensors = base_tensors(base, directory)
        # Shapes that don't fit are told by us: transformers' own error does not name the language model.
        options["ignore_mismatched_sizes"] = True
        model, report = assemble_language_model(config, adapter.merged_into(tensors) if adapter else tensors, **options)
        check_fit(base, report)
        if (directory / "generation_config.json").is_file():
            model.generation_config = GenerationConfig.from_pretrained(directory)
    return model, report


def refuse_pickled(directory: Path) -> None:
    """Raise BridgeError if the directory's language model is pickled: such a file can run anything."""
    if any(directory.glob("model*.safetensors")) or not (pickled := sorted(directory.glob("pytorch_model*.bin"))):
        return
    raise BridgeError(
        f"{pickled[0]} holds pickled weights, which are never read: convert the checkpoint to safetensors first"
    )


def check_report(report: dict[str, Any]) -> None:
    """Raise BridgeError, naming the tensors, unless only the bridge's own are left over."""
    extra = [name for name in report["unexpected_keys"] if not name.startswith((PREFIX, bridge.GUIDANCE_PREFIX))]
    wrong = {
        "missing": sorted(report["missing_keys"]),
        "unexpected": sorted(extra),
        "of another shape": sorted(str(entry[0]) for entry in report["mismatched_keys"]),
    }
    if any(wrong.values()):
        named = "; ".join(f"{what}: {', '.join(names)}" for what, names in wrong.items() if names)
        raise BridgeError(f"the checkpoint's tensors do not fit its config ({named}): it is damaged or incomplete")


def dtype_of(settings: DecoderSettings) -> torch.dtype:
    """Return the dtype asked for, else the default of the device; ``"auto"`` takes GPUs where there are some."""
    device = default_device() if settings.device is None or settings.device == "auto" else settings.device
    return find_dtype(settings.dtype or default_dtype(device))


def quantization_config(settings: DecoderSettings) -> Any:
    """Return the bitsandbytes configuration for ``"4bit"`` (NF4) or ``"8bit"``."""
    if settings.quantization not in QUANTIZATIONS:
        raise unknown_name("quantization", settings.quantization, QUANTIZATIONS)
    if importlib.util.find_spec("bitsandbytes") is None:
        raise missing_extra("bitsandbytes", "quant", f"quantization={settings.quantization!r}")
    from transformers import BitsAndBytesConfig

    options = dict(QUANTIZATIONS[settings.quantization])
    if settings.quantization == "4bit":
        options["bnb_4bit_compute_dtype"] = dtype_of(settings)
    return BitsAndBytesConfig(**options)


@contextmanager
def of_bridge(directory: str | Path, part: str) -> Iterator[None]:
    """Turn what the libraries raise of a damaged file into a BridgeError that names the directory."""
    from safetensors import SafetensorError

    try:
        yield
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, SmotextError):
            raise
        raise BridgeError(f"{part} of {directory} cannot be read: {type(error).__name__}: {error}") from error
