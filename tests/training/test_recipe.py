"""The bundled bridge's recipe, on a toy corpus and in two steps."""

from __future__ import annotations

import json
import lzma
import os
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

import smotext
from smotext.decoders.base_model import BASES, find_base
from smotext.errors import ModelNotFoundError

RECIPE = Path(__file__).parents[2] / "recipes" / "tiny.sh"
CORPUS = "changelog_transcripts", "digitalgov", "gutenberg_third", "medquad", "sgd_dialogues", "wikipedia_en_2014"
SHORTER = "--max-steps 2 --max-passages 24 --document-share 1 --batch-size 8 --held-out 2 --quiet"  # the last counts
WHO = ("farmer", "teacher", "driver", "sailor", "baker", "painter")
WHAT = ("opened the window", "closed the garden gate", "waited for the train", "wrote a long letter")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name, who in zip(CORPUS, WHO, strict=True):
        texts = [
            f"The old {who} {what} in the {when} and then went home."
            for what, when in product(WHAT, ("morning", "evening", "spring", "summer", "autumn", "winter"))
        ]
        with lzma.open(folder / f"{name}.jsonl.xz", "wt", encoding="utf-8") as lines:
            lines.writelines(json.dumps({"text": text}) + "\n" for text in texts)
    return folder


@pytest.mark.slow
def test_the_recipe_runs_from_end_to_end(corpus: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    try:
        find_base(BASES["smollm2-135m"], asks_hub=False)
    except ModelNotFoundError as error:
        pytest.skip(str(error))
    shim = tmp_path / "bin" / "smotext"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m smotext "$@" {SHORTER}\n', encoding="utf-8")
    shim.chmod(0o755)
    environment = {**os.environ, "PATH": f"{shim.parent}:{os.environ['PATH']}"}
    out = tmp_path / "out"
    subprocess.run(["bash", str(RECIPE), str(corpus), str(out)], env=environment, check=True)
    decoder, bundled = smotext.load_decoder(str(out)), smotext.load_decoder("tiny")
    assert replace(decoder.spec, encoder_sha256=bundled.spec.encoder_sha256) == bundled.spec
    vectors = smotext.load_encoder(str(out)).encode(["The old farmer went home."])
    assert decoder.decode(vectors, max_new_tokens=20)[0].strip()
