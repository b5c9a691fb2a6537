import gzip
import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from smotext import EchoDecoder, HashEncoder, SMOTExT
from smotext.errors import InputError, MissingFileError
from smotext.evaluation.generators import RetrievalDecoder, default_generators, read_passages
from tests.evaluation.doubles import two_classes


def _sampler(**options):
    return SMOTExT(encoder=HashEncoder(64), decoder=EchoDecoder(64), k_neighbors=2, **options)


def test_the_generator_makes_the_rows_asked_for_and_the_same_ones_again():
    data = two_classes(6)
    generate = default_generators(_sampler())["smotext"]
    first, again, other = (generate(data.texts, data.labels, {"good": 3, "bad": 0}, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert Counter(label for _, label in first) == {"good": 3}


def test_the_paraphrase_decodes_the_vectors_of_the_real_texts():
    class Recorder(EchoDecoder):
        def decode_rows(self, vectors, **options):
            self.seen = vectors
            return super().decode_rows(vectors, **options)

    data, decoder, encoder = two_classes(6), Recorder(64), HashEncoder(64)
    sampler = SMOTExT(encoder=encoder, decoder=decoder, k_neighbors=2, candidates=1)
    default_generators(sampler)["paraphrase"](data.texts, data.labels, {"good": 6}, 0)
    real = encoder.encode([text for text, label in zip(data.texts, data.labels, strict=True) if label == "good"])
    assert np.allclose(np.sort(decoder.seen, axis=0), np.sort(real, axis=0), atol=1e-6)


def test_retrieval_returns_passages_and_nothing_else():
    data = two_classes(6)
    passages = ["an old tale of the sea", "bad news again"]
    made = default_generators(_sampler(), passages)["retrieval"](data.texts, data.labels, {"bad": 4}, 0)
    assert {text for text, _ in made} <= set(passages)


def test_retrieval_takes_the_passage_of_the_highest_cosine():
    decoder = RetrievalDecoder(["up", "right"], np.array([[0.0, 0.1], [9.0, 0.0]]))
    assert decoder.decode(np.array([[1.0, 2.0], [2.0, 1.0]])) == ["up", "right"]


def test_the_bridge_is_adapted_to_the_training_texts_of_the_fold_and_only_smotext_uses_it():
    seen = []

    class Adapted(EchoDecoder):
        def decode_rows(self, vectors, **options):
            return [replace(row, text=f"adapted: {row.text}") for row in super().decode_rows(vectors, **options)]

    def adapt(encoder, decoder, texts, seed):
        assert (encoder, decoder) == (sampler.encoder, sampler.decoder)
        seen.append((tuple(texts), seed))
        return Adapted(64)

    data, sampler = two_classes(6), _sampler()
    made = default_generators(sampler, adapt=adapt)
    texts = [text for text, _ in made["smotext"](data.texts, data.labels, {"good": 3}, 7)]
    assert all(text.startswith("adapted: ") for text in texts)
    assert seen == [(data.texts, 7)]
    plain = [text for text, _ in made["paraphrase"](data.texts, data.labels, {"good": 3}, 7)]
    assert not any(text.startswith("adapted: ") for text in plain)
    assert made["smotext"].fingerprint != default_generators(_sampler())["smotext"].fingerprint


def test_fingerprints_tell_options_apart_and_not_seeds():
    def fingerprint(**options):
        return default_generators(_sampler(**options))["smotext"].fingerprint

    assert fingerprint(random_state=1) == fingerprint(random_state=2)
    assert fingerprint(lam=(0.2, 0.8)) != fingerprint()


@pytest.mark.parametrize(("name", "opener"), [("corpus.jsonl", open), ("corpus.jsonl.gz", gzip.open)])
def test_passages_are_read_evenly_and_cut(tmp_path, name, opener):
    with opener(tmp_path / name, "wt") as file:
        file.writelines(json.dumps({"text": f"p{number} " + "word " * 99}) + "\n" for number in range(11))
    found = read_passages(tmp_path / name, limit=3, max_words=5)
    assert [passage.split()[0] for passage in found] == ["p0", "p5", "p10"]
    assert {len(passage.split()) for passage in found} == {5}


def test_a_corpus_that_is_missing_or_empty_is_an_error(tmp_path):
    with pytest.raises(MissingFileError, match="no corpus file"):
        read_passages(tmp_path / "none.txt")
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(InputError, match="is empty"):
        read_passages(tmp_path / "empty.txt")
