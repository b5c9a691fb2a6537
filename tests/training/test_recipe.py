"""The bundled bridge's recipe, from its first command to its last, on a toy corpus and in two steps a round."""

from __future__ import annotations

import json
import lzma
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

import smotext
from smotext.presets import bundled_bridge

RECIPE = Path(__file__).parents[2] / "recipes" / "tiny.sh"
CORPUS = "changelog_transcripts", "digitalgov", "gutenberg_third", "medquad", "sgd_dialogues", "wikipedia_en_2014"
SHORTER = "--max-steps 2 --max-passages 40 --batch-size 4 --held-out 2 --quiet"  # the last of an option counts
WHO = ("farmer", "teacher", "driver", "sailor", "baker", "painter")
WHAT = ("opened the window", "closed the garden gate", "waited for the train", "wrote a long letter")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name, who in zip(CORPUS, WHO, strict=True):
        texts = [
            f"The old {who} {what} in the {when} and then went home."
            for what, when in product(WHAT, ("morning", "evening"))
        ]
        with lzma.open(folder / f"{name}.jsonl.xz", "wt", encoding="utf-8") as lines:
            lines.writelines(json.dumps({"text": text}) + "\n" for text in texts)
    return folder


@pytest.mark.slow
def test_the_recipe_runs_from_end_to_end(corpus: Path, tmp_path: Path) -> None:
    shim = tmp_path / "bin" / "smotext"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m smotext "$@" {SHORTER}\n', encoding="utf-8")
    shim.chmod(0o755)
    environment = {**os.environ, "PATH": f"{shim.parent}:{os.environ['PATH']}"}
    out = tmp_path / "out"
    command = ["bash", str(RECIPE), str(corpus), str(bundled_bridge()), str(out)]
    subprocess.run(command, env=environment, check=True)
    decoder = smotext.load_decoder(str(out))
    assert (decoder.spec.guidance, decoder.spec.trained_guidance, decoder.spec.max_new_tokens) == (1.4, 1.0, 64)
    vectors = smotext.load_encoder(str(out)).encode(["The old farmer went home."])
    assert decoder.decode(vectors, max_new_tokens=20)[0].strip()
    rounds = [f"{out}.{name}.run" for name in ("second", "third", "fourth", "fifth")]
    assert all((Path(folder) / "checkpoint.pt").is_file() for folder in rounds)
