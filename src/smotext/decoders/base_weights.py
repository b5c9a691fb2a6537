"""The tensors of a language model that a bridge names: read from safetensors, or from GGUF and kept as safetensors.

Reading GGUF means undoing its quantisation, which takes many times as long as reading the result. It is kept in
``{cache}/bases/{SHA-256 of the file}`` with mode 0700, in float32: a block's scale times an integer plus its offset
has more digits than bfloat16 or float16 holds.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch

from smotext.decoders.base_model import BaseReference, find_base
from smotext.decoders.bridge import ADAPTER_CONFIG
from smotext.decoders.quiet_loading import quiet_loading
from smotext.errors import BridgeError
from smotext.utils.caching import cache_directory
from smotext.utils.files import sync_directory

_WEIGHTS = "model.safetensors"


def load_base(reference: BaseReference, *, directory: Path | None = None, dtype: torch.dtype = torch.float32) -> Any:
    """Return a language model as it is in the file that a reference names: a plain one, which can be saved.

    Parameters
    ----------
    reference : BaseReference
        Which file; beside a ``.safetensors`` one stands its ``config.json``.
    directory : Path, optional
        What the reference's own directory is relative to.
    dtype : torch dtype
        Of the weights.

    Raises
    ------
    ModelNotFoundError
        If the file is nowhere.
    BridgeError
        If it is no language model.
    """
    from transformers import AutoConfig

    with quiet_loading():
        folder, tensors, config = _read(find_base(reference, directory), reference.sha256)
        config = config or AutoConfig.from_pretrained(folder)
        model, report = assemble_language_model(config, tensors, dtype=dtype, ignore_mismatched_sizes=True)
    check_fit(reference, report)
    return model


def base_tensors(reference: BaseReference, directory: Path | None = None) -> dict[str, torch.Tensor]:
    """Return the tensors of the language model that a reference names, by their names in a checkpoint.

    Those of GGUF are float32. They are mapped into memory from a file that other processes may share.
    """
    return _read(find_base(reference, directory), reference.sha256)[1]


def assemble_language_model(
    config: Any, tensors: dict[str, torch.Tensor], **options: Any
) -> tuple[Any, dict[str, Any]]:
    """Return the causal language model of a config with these weights, and what transformers reports of them.

    Parameters
    ----------
    config : transformers config
        What it says of a GGUF file's quantisation is dropped: the tensors are plain.
    tensors : dict of str to Tensor
        Taken over without a copy where they have the dtype asked for.
    options
        Of ``from_pretrained``.
    """
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

    # It is a dict where the config comes from a file.
    given = getattr(config, "quantization_config", None)
    if (given.get("quant_method") if isinstance(given, dict) else getattr(given, "quant_method", None)) == "gguf":
        del config.quantization_config
    architecture: Any = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    loaded: tuple[Any, dict[str, Any]] = architecture.from_pretrained(
        None, config=config, state_dict=tensors, output_loading_info=True, **options
    )
    return loaded


def check_fit(reference: BaseReference, report: dict[str, Any]) -> None:
    """Raise BridgeError, naming the tensors, if those of the base are not what config.json describes."""
    wrong = [f"no {name}" for name in sorted(report["missing_keys"])]
    wrong += [f"{name} besides" for name in sorted(report["unexpected_keys"])]
    wrong += [f"{entry[0]} of shape {tuple(entry[1])}" for entry in report["mismatched_keys"]]
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise BridgeError(
            f"the language model {reference.file} of {reference.repo_id} does not fit config.json "
            f"({', '.join(wrong[:5])}{more}): it is one of another architecture"
        )


def _read(path: Path, sha256: str) -> tuple[Path, dict[str, torch.Tensor], Any]:
    """Return a folder with a config.json, the tensors, and the config itself if there is no such folder."""
    from safetensors.torch import load_file

    if path.suffix == ".safetensors":
        return path.parent, load_file(path), None
    cache = cache_directory()
    kept = None if cache is None else cache / "bases" / sha256
    if kept is not None and (tensors := _recall(kept)):
        return kept, tensors, None
    model = _read_gguf(path)
    if kept is not None and _keep(model, kept) and (tensors := _recall(kept)):
        return kept, tensors, None
    return path.parent, _distinct(model.state_dict()), model.config


def _recall(kept: Path) -> dict[str, torch.Tensor] | None:
    """Return the tensors that were kept; None where there are none, or the file is damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if (kept / "config.json").is_file():
            return load_file(kept / _WEIGHTS)
    except (OSError, SafetensorError):
        pass
    return None


def _read_gguf(path: Path) -> Any:
    """Return the plain model in a GGUF file, in float32."""
    from transformers import AutoModelForCausalLM

    with contextlib.ExitStack() as stack:
        # The reader draws a progress bar there, even if it is told not to.
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        if (path.parent / ADAPTER_CONFIG).is_file():
            # Where PEFT is installed, transformers would load the adapter in the same directory as well.
            alone = Path(stack.enter_context(tempfile.TemporaryDirectory())) / path.name
            alone.symlink_to(path.resolve())
            path = alone
        read = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    return assemble_language_model(read.config, _distinct(read.state_dict()), dtype=torch.float32)[0]


def _distinct(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors without the second names of tied ones, as checkpoints have them."""
    first: dict[int, str] = {}
    for name, tensor in tensors.items():
        first.setdefault(tensor.data_ptr(), name)
    return {name: tensors[name] for name in first.values()}


def _keep(model: Any, kept: Path) -> bool:
    """Write the model to `kept`, whole or not at all; return False where the disk refuses."""
    from safetensors import SafetensorError

    staging = None
    try:
        kept.parent.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept.parent.mkdir(exist_ok=True, mode=0o700)
        # mkdtemp makes a directory for its owner alone.
        staging = Path(tempfile.mkdtemp(prefix=".", dir=kept.parent))
        model.save_pretrained(staging, max_shard_size="1TB")
        with (staging / _WEIGHTS).open("rb") as file:
            os.fsync(file.fileno())
        # What is there is damaged, or another process has made it in the meantime.
        shutil.rmtree(kept, ignore_errors=True)
        staging.rename(kept)
        sync_directory(kept.parent)
    except (OSError, SafetensorError):
        # What cannot be kept is read again next time: that costs seconds and no result.
        return (kept / "config.json").is_file()
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)
    return True
