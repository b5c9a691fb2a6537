from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from safetensors.torch import load_file

from smotext.encoders.loading import SentenceSettings, load_sentence_encoder
from smotext.encoders.minilm import find_minilm
from smotext.encoders.sentence import SentenceEncoder
from smotext.errors import InputError, ModelNotFoundError
from tests.encoders.checkpoints import make_last_token_checkpoint
from tests.encoders.conftest import XRAG


def test_the_settings_hold_every_choice(last_token_encoder: SentenceEncoder, last_token_checkpoint: Path) -> None:
    assert last_token_encoder.settings == SentenceSettings(
        str(last_token_checkpoint), device="cpu", dtype="float32", **XRAG
    )


def test_a_pickle_is_a_path_with_settings(minilm: SentenceEncoder) -> None:
    assert len(pickle.dumps(minilm)) < 1000


def test_unpickling_gives_the_object_that_is_there(minilm: SentenceEncoder) -> None:
    data = pickle.dumps(minilm)
    assert pickle.loads(data) is minilm
    assert pickle.loads(data) is pickle.loads(data)


def test_a_model_is_loaded_once_per_process_and_options(last_token_checkpoint: Path) -> None:
    encoder = load_sentence_encoder(last_token_checkpoint, device="cpu")
    assert load_sentence_encoder(last_token_checkpoint, device="cpu") is encoder
    assert load_sentence_encoder(last_token_checkpoint, device="cpu", max_tokens=9) is not encoder


def test_a_model_whose_files_have_changed_is_loaded_again(tmp_path: Path) -> None:
    directory = make_last_token_checkpoint(tmp_path)
    encoder = load_sentence_encoder(directory, device="cpu")
    config = directory / "config.json"
    config.write_text(config.read_text() + "\n")
    assert load_sentence_encoder(directory, device="cpu") is not encoder


def task(encoder: SentenceEncoder) -> tuple[int, int, np.ndarray]:
    return os.getpid(), id(encoder), encoder.encode(["the parcel"])


@pytest.mark.slow
def test_a_worker_loads_once_for_many_tasks(last_token_encoder: SentenceEncoder) -> None:
    results = Parallel(n_jobs=2)(delayed(task)(last_token_encoder) for _ in range(6))
    for _, _, vectors in results:
        np.testing.assert_allclose(vectors, last_token_encoder.encode(["the parcel"]), atol=1e-5)
    workers = {process for process, _, _ in results}
    assert len({(process, identity) for process, identity, _ in results}) == len(workers)


def test_a_directory_that_is_no_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="cannot be loaded as a sentence-transformers model"):
        load_sentence_encoder(tmp_path, device="cpu")


@pytest.mark.parametrize("folder", ["", "3_Dense"])
def test_pickled_weights_are_never_read(tmp_path: Path, folder: str) -> None:
    directory = make_last_token_checkpoint(tmp_path / "model")
    weights = load_file(directory / "model.safetensors")
    if not folder:
        (directory / "model.safetensors").unlink()
    (directory / folder).mkdir(exist_ok=True)
    torch.save(weights, directory / folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="holds pickled weights .*pytorch_model.bin.*, which are never read"):
        load_sentence_encoder(directory, device="cpu")


def test_pickled_weights_beside_safetensors_do_not_matter(tmp_path: Path) -> None:
    directory = make_last_token_checkpoint(tmp_path / "model")
    (directory / "pytorch_model.bin").write_bytes(b"never opened")
    assert load_sentence_encoder(directory, device="cpu").vector_dim > 0


def test_options_are_checked_before_the_model_is_looked_for() -> None:
    with pytest.raises(InputError, match="device is 'gpu'"):
        load_sentence_encoder("no/such", device="gpu")
    with pytest.raises(InputError, match="unknown dtype 'int3'"):
        load_sentence_encoder("no/such", dtype="int3")


def test_loading_draws_no_bar_over_the_tensors(capfd: pytest.CaptureFixture[str]) -> None:
    load_sentence_encoder(find_minilm(), device="cpu")
    assert "Loading weights" not in "".join(capfd.readouterr())


def test_it_shows_what_it_is(minilm: SentenceEncoder) -> None:
    assert repr(minilm) == f"SentenceEncoder('{find_minilm()}', vector_dim=384, dtype=torch.float32, device=cpu)"
