"""Long texts, written passage by passage, against one passage a text: nearness, fluency, copies, seconds, gain.

::

    python experiments/long_texts.py --option dtype=bfloat16 --out long.jsonl
    python experiments/long_texts.py --sets twenty_newsgroups --samples 20

With ``--out`` a line that is finished is kept, and the same command goes on where it was stopped. Four classes give 15
real texts each, of at most 20 passages, and a few new ones are written for each. Measured of the new texts, and of as
many real ones of the test set:

* **tokens**, **passages**: their medians;
* **cosine**: of the whole text's vector, the mean of its passages', to the mix of its parents' whole vectors;
* **cosine, 256 tokens**: the same with the encoder alone, which reads the beginning of text and parents;
* **whole / parts**: bits a character of the whole text under the bare language model, over those of its passages each
  read alone. What was written before makes the rest of a coherent text more probable: the smaller, the better;
* **shuffled**: the same ratio when each passage of a text comes from another text: what any context gives;
* **fluency**: bits a character of its passages, over those of real passages;
* **repeated**: share of a text's runs of four words that occur in it before;
* **copies**: texts with 10 words in a row of a real one;
* **s a row**: seconds, on one core;
* **TF-IDF**, **encoder**: macro-F1 in points of logistic regression (C = 10) on the real texts, and what it gains when
  the new ones are added.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import DATA, clear_errors, load_set, method_options
from text_quality import bare_model, gains, share_of_copies

from smotext import SMOTExT
from smotext.augmentation.long_texts import LongTexts, WholeReader, find_long_texts
from smotext.augmentation.writing import Writer
from smotext.data.corpus import Corpus
from smotext.decoders.prompts import on_one_line
from smotext.evaluation.labelled_texts import LabelledTexts
from smotext.evaluation.results_file import Store
from smotext.filters.ngrams import repeated_share
from smotext.presets import decoder_directory
from smotext.training.scoring.score import bare_bits
from smotext.utils.geometry import row_cosines
from smotext.utils.hub import state_of
from smotext.utils.seeding import generator

SHOTS, REAL_ROWS, MOST_PASSAGES = 15, 50, 20
WAYS = {"passages": "auto", "one passage": 1}


def main() -> None:
    """Measure and print a line for each set and way."""
    given = parsed_options()
    kept = Store(given.out)
    with clear_errors():
        for name in given.sets:
            keys = {texts: _key(name, texts, given) for texts in ("real", *WAYS)}
            found = {texts: kept.get(key) for texts, key in keys.items()}
            lines = list(found.values()) if all(found.values()) else measure(name, given, found)
            for line in lines:
                if found[line["texts"]] is None:
                    kept.put(keys[line["texts"]], line)
                print(json.dumps({"set": name, **line}), flush=True)


def _key(name: str, texts: str, given: argparse.Namespace) -> dict[str, Any]:
    """Return what a line is kept under: all that it depends on."""
    # The files' sizes and times: a preset keeps its name when its bridge is exchanged.
    bridge = state_of(decoder_directory(given.model))
    options = [given.model, bridge, given.option, given.classes, given.per_class, given.compared, given.random_seed]
    return {"set": name, "texts": texts, "options": json.dumps(options)}


def parsed_options() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=["twenty_newsgroups", "cfpb_complaints_sample"])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with scikit_learn_data/ and labelled/")
    parser.add_argument("--model", default="tiny", help="preset, or path of a bridge")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=JSON", help="option of SMOTExT")
    parser.add_argument("--per-class", type=int, default=5, help="new texts of each class")
    parser.add_argument("--classes", type=int, default=4, help="classes of each set")
    parser.add_argument("--compared", type=int, default=20, help="real texts to compare with")
    parser.add_argument("--out", type=Path, help="JSON lines that are finished, so that a stopped run goes on")
    parser.add_argument("--samples", type=int, default=0, help="print so many texts of each set, unselected")
    parser.add_argument("--random-seed", type=int, default=0)
    return parser.parse_args()


def measure(name: str, given: argparse.Namespace, found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the measures of real texts, and of new ones written in either way, but for those that are `found`."""
    train, test = load_set(given.data, name)
    smx = SMOTExT(given.model, random_state=given.random_seed, **method_options(given.option))
    encoder, decoder = smx.load()
    few, real = parts(train, test, decoder, name, given.random_seed, given.classes)
    corpus = Corpus(list(few.texts), np.array(few.labels, dtype=object), np.arange(len(few.texts)), 0)
    long = find_long_texts(corpus, encoder, Writer(corpus, encoder, decoder, smx.settings()), smx.settings())
    assert long is not None, "none of the classes is long"
    some = real.take(
        generator(given.random_seed, "compared", name).permutation(len(real.texts))[: given.compared].tolist()
    )
    bare = bare_model(decoder)
    parts_bits = [
        bits(bare, decoder, [passage.text for passage in long.splitting.passages(text)]) for text in some.texts
    ]
    real_bits = float(np.mean(parts_bits))
    yield found["real"] or {"texts": "real", **shape(list(some.texts), long, decoder, bare, real_bits)}
    for way, at_most in WAYS.items():
        if found[way]:
            yield found[way]
            continue
        smx.set_params(max_passages=at_most)
        started_s = time.process_time()
        made = smx.generate(few.texts, few.labels, n=dict.fromkeys(few.counts, given.per_class))
        seconds = (time.process_time() - started_s) / len(made)
        texts = made["text"].tolist()
        for row in [*made.itertuples()][: given.samples if way == "passages" else 0]:
            print(f"  {row.label}, lam {row.lam:.2f}, parents {row.parents}: {row.text!r}", flush=True)
        yield {
            "texts": way,
            **shape(texts, long, decoder, bare, real_bits),
            **nearness(made, few, encoder, long),
            "copies": share_of_copies(texts, few.texts),
            "rejected": len(smx.rejected_),
            "s a row": round(seconds, 2),
            **gains(few, texts, made["label"].tolist(), real, encoder),
        }


def parts(
    train: LabelledTexts, test: LabelledTexts, decoder: Any, name: str, seed: int, n_classes: int
) -> tuple[LabelledTexts, LabelledTexts]:
    """Return 15 real texts of each of some classes, and real texts of the test set to compare with."""
    rng = generator(seed, "long texts", name)
    classes = sorted(label for label, n in train.counts.items() if n >= SHOTS + 5 and test.counts.get(label, 0) >= 10)
    classes = [classes[place] for place in sorted(rng.permutation(len(classes))[:n_classes])]
    most = MOST_PASSAGES * decoder.max_new_tokens
    few, real = [], []
    for label in classes:
        rows = rng.permutation([row for row, one in enumerate(train.labels) if one == label]).tolist()
        few += [row for row in rows if len(train.texts[row]) < 4 * most][:SHOTS]
        rows = rng.permutation([row for row, one in enumerate(test.labels) if one == label]).tolist()
        real += [row for row in rows if len(test.texts[row]) < 4 * most][:REAL_ROWS]
    return train.take(few), test.take(real)


def shape(texts: Sequence[str], long: LongTexts, decoder: Any, bare: Any, real_bits: float) -> dict[str, float]:
    """Return what can be said of texts without their parents."""
    split = [[passage.text for passage in long.splitting.passages(text)] for text in texts]
    several = [passages for passages in split if len(passages) > 1]
    found = {
        "tokens": float(np.median(decoder.count_tokens(texts))),
        "passages": float(np.median([len(passages) for passages in split])),
        "fluency": float(np.mean([bits(bare, decoder, passages) for passages in split])) / real_bits,
        "repeated": float(np.mean([repeated_share(text) for text in texts])),
    }
    if len(several) > 3:
        found |= {
            "whole / parts": float(np.mean([whole_over_parts(bare, decoder, passages) for passages in several])),
            "shuffled": float(np.mean([whole_over_parts(bare, decoder, passages) for passages in dealt_out(several)])),
        }
    return {name: round(value, 3) for name, value in found.items()}


def dealt_out(texts: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return texts whose passages each come from another text.

    Examples
    --------
    >>> dealt_out([["a", "b"], ["c", "d"], ["e"]])
    [['a', 'd'], ['c', 'e'], ['e']]
    """
    found = []
    for row, own in enumerate(texts):
        others = [texts[(row + place) % len(texts)] for place in range(len(own))]
        found.append([other[place % len(other)] for place, other in enumerate(others)])
    return found


def whole_over_parts(bare: Any, decoder: Any, passages: Sequence[str]) -> float:
    """Return the bits a character of passages read one after the other, over those of each read alone."""
    return bits(bare, decoder, [" ".join(passages)]) / bits(bare, decoder, passages)


def bits(bare: Any, decoder: Any, texts: Sequence[str]) -> float:
    """Return the bits that the bare language model needs for a character of the texts."""
    return float(bare_bits(bare, decoder.tokenizer, [on_one_line(text) for text in texts]))


def nearness(made: Any, few: LabelledTexts, encoder: Any, long: LongTexts) -> dict[str, float]:
    """Return the mean cosine of texts to the mix of their parents, read whole and read by the encoder alone."""
    found = {}
    for name, reader in (("cosine", WholeReader(encoder, long.splitting)), ("cosine, 256 tokens", encoder)):
        vectors = reader.encode(list(few.texts))
        asked = np.stack([np.dot(row.weights, vectors[row.parents]) for row in made.itertuples()])
        found[name] = round(float(row_cosines(reader.encode(made["text"].tolist()), asked).mean()), 3)
    return found


if __name__ == "__main__":
    main()
