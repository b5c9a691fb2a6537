"""Classes of long texts are read, mixed and written passage by passage; other classes are as they were."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from smotext import EchoDecoder, HashEncoder, SMOTExT, load_decoder
from smotext.augmentation.augment import InMemoryRun
from smotext.augmentation.long_texts import WholeReader, find_long_texts
from smotext.augmentation.passage_writing import PassageWriter, are_new
from smotext.augmentation.writing import Writer
from smotext.cli import entry
from smotext.data.corpus import make_corpus
from smotext.errors import InputError, SmotextWarning
from smotext.protocols import Decoded
from smotext.runs.estimate import estimate_run
from smotext.settings import Settings
from tests.decoders.checkpoints import VECTOR_DIM, make_list_checkpoint
from tests.doubles import Showing

THINGS = ["parcel", "train", "phone", "letter", "garden", "bridge"]


def article(thing: str, n_sentences: int) -> str:
    """Return 14 words a sentence; echo writes 36 words in one go, 24 a passage."""
    return " ".join(
        f"The {thing} of number {n} came late and nobody at the {thing} shop helped." for n in range(n_sentences)
    )


ARTICLES = [article(thing, 6 + number) for number, thing in enumerate(THINGS)]
NOTES = [f"thank you for the {thing}, I love it" for thing in THINGS]
TEXTS, LABELS = [*ARTICLES, *NOTES], ["article"] * len(ARTICLES) + ["note"] * len(NOTES)


def generate(n: Any = 4, **options: Any) -> pd.DataFrame:
    return SMOTExT("echo", random_state=0, **{"candidates": 4, **options}).generate(TEXTS, LABELS, n=n)


def long_texts(**options: Any) -> tuple[Any, Writer, Settings]:
    corpus = make_corpus(np.array(TEXTS, dtype=object), np.array(LABELS, dtype=object))
    settings = Settings(**options)
    writer = Writer(corpus, HashEncoder(), EchoDecoder(), settings)
    return find_long_texts(corpus, HashEncoder(), writer, settings), writer, settings


def test_only_classes_whose_median_is_beyond_one_go_are_long() -> None:
    found, _, _ = long_texts()
    assert found.classes == {"article"}
    assert [len(passages) for passages in found.passages[:3]] == [6, 7, 8], "two sentences are too long for one passage"
    assert found.passages[len(ARTICLES) :] == [[]] * len(NOTES)


@pytest.mark.parametrize("options", [{"max_passages": 1}, {"max_new_tokens": 200}])
def test_texts_are_kept_whole_where_the_options_say_so(options: dict[str, Any]) -> None:
    assert long_texts(**options)[0] is None
    assert "passages" not in generate(**options)


def test_new_texts_are_as_long_as_their_parents() -> None:
    rows = generate({"article": 6}, lam=1.0)
    found, _, _ = long_texts()
    expected = [len(found.passages[parents[0]]) for parents in rows["parents"]]
    assert rows["text"].str.count("Echo").tolist() == expected
    assert [len(passages) for passages in rows["passages"]] == expected
    assert rows["n_tokens"].tolist() == rows["text"].str.split().map(len).tolist()
    assert (rows["n_written"] == 4 * rows["n_tokens"]).all(), "four candidates of each passage"


def test_rows_of_short_classes_are_those_of_a_run_without_long_ones() -> None:
    rows, before = generate({"note": 5}), generate({"note": 5}, max_passages=1)
    pd.testing.assert_frame_equal(rows[before.columns], before)
    assert rows["passages"].tolist() == [[]] * 5


def test_without_long_classes_there_is_no_further_column() -> None:
    rows = SMOTExT("echo", random_state=0).generate(NOTES, ["note"] * len(NOTES), n=2)
    assert not {"passages", "n_written"} & set(rows.columns)


def test_more_rows_keep_the_earlier_ones() -> None:
    few, many = generate({"article": 3}), generate({"article": 7})
    pd.testing.assert_frame_equal(many.head(3), few)


def test_a_text_does_not_depend_on_the_rows_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    together = generate({"article": 5, "note": 5})
    monkeypatch.setattr("smotext.settings.GROUP_SIZE", 1)
    pd.testing.assert_frame_equal(generate({"article": 5, "note": 5}), together)


def test_a_language_model_writes_the_same_passages_whatever_is_beside_them(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = load_decoder(str(make_list_checkpoint(tmp_path / "bridge")), dtype="float32")
    options = {"encoder": HashEncoder(VECTOR_DIM), "decoder": decoder, "on_shortfall": "report", "max_passages": 4}
    options["candidates"] = 4
    smx = SMOTExT(random_state=0, **options)
    found = []
    for group_size in (256, 4):
        monkeypatch.setattr("smotext.settings.GROUP_SIZE", group_size)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SmotextWarning)  # a random model seldom comes to an end
            smx.generate(ARTICLES, ["article"] * len(ARTICLES), n=4)
        found.append(pd.concat([smx.synthetic_, smx.rejected_])[["key", "text", "n_tokens", "n_written"]])
    pd.testing.assert_frame_equal(*found)
    assert found[0]["n_written"].min() > 0
    assert (found[0]["text"] != "").any()


def test_passages_of_one_text_differ_and_so_do_candidates() -> None:
    decoder = Showing()
    generate({"article": 1}, decoder=decoder, lam=1.0)
    seeds = np.concatenate([asked["seeds"] for asked in decoder.asked])
    assert len(set(seeds.tolist())) == len(seeds) == 4 * len(decoder.asked)


def test_each_prompt_shows_the_passages_that_are_mixed_and_what_was_written_before() -> None:
    decoder = Showing()
    rows = generate({"article": 1}, decoder=decoder, lam=0.5)
    written = rows["text"][0].split(" Echo ")
    for number, asked in enumerate(decoder.asked):
        shown = asked["examples"][0]
        assert all(any(passage in text for text in ARTICLES) for passage in shown[:2])
        assert all(len(passage.split()) <= 24 for passage in shown[:2])
        assert len(shown) == (2 if number == 0 else 3)
        if number:
            assert shown[2].removeprefix("Echo ") == written[number - 1].removeprefix("Echo ")


def test_what_is_asked_for_is_the_mix_of_the_matched_passages() -> None:
    decoder = Showing()
    rows = generate({"article": 1}, decoder=decoder, lam=0.25)
    found, _, _ = long_texts()
    first, second = rows["parents"][0]
    one, other = rows["passages"][0][0]
    passages = [found.passages[first][one].text, found.passages[second][other].text]
    np.testing.assert_allclose(decoder.asked[0]["vectors"][0], [0.25, 0.75] @ HashEncoder().encode(passages), atol=1e-6)


def test_a_long_text_is_judged_by_the_mean_of_its_passages() -> None:
    rows = generate({"article": 2}, lam=1.0)
    found, _, _ = long_texts()
    reader = WholeReader(HashEncoder(), found.splitting)
    cosines = (reader.encode(rows["text"].tolist()) * reader.encode([ARTICLES[p[0]] for p in rows["parents"]])).sum(
        axis=1
    )
    np.testing.assert_allclose(rows["target_cosine"], cosines, atol=1e-6)


class Parrot(Showing):
    """Says again what its prompt showed last, but for the last candidate."""

    def decode_rows(self, vectors: np.ndarray, **options: Any) -> list[Decoded]:
        rows = super().decode_rows(vectors, **options)
        shown = options["examples"]
        return [row if n % 4 == 3 else Decoded(shown[n][-1], 24, is_finished=True) for n, row in enumerate(rows)]


def test_a_passage_that_copies_what_the_prompt_shows_is_not_chosen() -> None:
    rows = generate({"article": 2}, decoder=Parrot(), lam=1.0)
    assert rows["text"].str.count("Echo").tolist() == [len(passages) for passages in rows["passages"]]
    assert not any(text[:60] in row for text in ARTICLES for row in rows["text"])


class Endless(EchoDecoder):
    """Never ends every other passage."""

    def decode_rows(self, vectors: np.ndarray, **options: Any) -> list[Decoded]:
        rows = super().decode_rows(vectors, **options)
        self.n_calls = getattr(self, "n_calls", 0) + 1
        return rows if self.n_calls % 2 else [Decoded("and then and", 3, is_finished=False)] * len(rows)


def test_a_passage_that_comes_to_no_end_is_left_out() -> None:
    rows = generate({"article": 1}, decoder=Endless(), lam=1.0)
    assert rows["text"].str.count("Echo").tolist() == [-(-len(rows["passages"][0]) // 2)]
    assert "and then" not in rows["text"][0]


def test_one_word_among_articles_is_one_passage() -> None:
    smx = SMOTExT("echo", random_state=0, strategy="random", lam=1.0)
    rows = smx.generate([*ARTICLES, "no"], ["article"] * 7, n=7)
    lengths = {parents[0]: len(passages) for parents, passages in zip(rows["parents"], rows["passages"], strict=True)}
    assert lengths[6] == 1
    assert all(n > 3 for parent, n in lengths.items() if parent != 6)


def test_max_passages_is_the_most() -> None:
    assert set(generate({"article": 6}, max_passages=2)["passages"].map(len)) == {2}
    with pytest.raises(InputError, match="max_passages is 0: expected 'auto' or a number of passages"):
        generate(max_passages=0)


def test_a_writer_for_other_processes_takes_the_encoder_along_only_where_it_chooses() -> None:
    _, writer, _ = long_texts()
    one, several = (pickle.loads(pickle.dumps(PassageWriter(writer, HashEncoder(), n))) for n in (1, 4))
    assert one.encoder is None
    assert several.encoder.vector_dim == 64


def test_a_worker_that_was_pickled_writes_the_same_rows() -> None:
    asked = []

    class Listening(InMemoryRun):
        def decode(self, round_number: int, groups: Any, ask: Any, write: Any) -> Any:
            for group in groups:
                asked.append((group, ask(group), pickle.dumps(write)))
                yield write(group, ask(group))

    smx = SMOTExT("echo", random_state=0)
    smx.generate(TEXTS, LABELS, n=4, run=Listening())
    for group, what, write in asked:
        here, there = smx.rejected_, pickle.loads(write)(*pickle.loads(pickle.dumps((group, what))))
        kept = pd.concat([smx.synthetic_, here]).set_index("key").loc[there["key"]]
        assert kept["text"].tolist() == there["text"].tolist()


def test_passages_are_what_can_be_written_shown_and_read() -> None:
    class Reader(HashEncoder):
        max_tokens = 10

    corpus = make_corpus(np.array(TEXTS, dtype=object), np.array(LABELS, dtype=object))
    for encoder, decoder, most in ((HashEncoder(), EchoDecoder(), 24), (Reader(), EchoDecoder(), 10)):
        writer = Writer(corpus, encoder, decoder, Settings())
        assert find_long_texts(corpus, encoder, writer, Settings()).splitting.most == most
    for decoder, most in ((Showing(), 64), (EchoDecoder(), 100)):
        decoder.max_new_tokens = 100
        corpus = make_corpus(np.array([article("train", 30)], dtype=object), np.array(["a"], dtype=object))
        writer = Writer(corpus, HashEncoder(), decoder, Settings())
        assert find_long_texts(corpus, HashEncoder(), writer, Settings()).splitting.most == most


def test_texts_of_long_classes_are_not_told_of_as_cut() -> None:
    class Short(HashEncoder):
        max_tokens = 30

        def count_truncated(self, texts: list[str]) -> int:
            return sum(len(text.split()) > self.max_tokens for text in texts)

    smx = SMOTExT("echo", encoder=Short(), random_state=0)
    smx.generate(TEXTS, LABELS, n=2)  # warnings are errors here
    with pytest.warns(SmotextWarning, match="6 texts are longer than the 30 tokens that the encoder reads"):
        smx.set_params(max_passages=1).generate(TEXTS, LABELS, n=2)


def test_filters_and_a_second_round_go_with_passages() -> None:
    smx = SMOTExT("echo", random_state=0, filters=["short", lambda texts, labels: [len(t) % 2 == 0 for t in texts]])
    rows = smx.generate(TEXTS, LABELS, n={"article": 6})
    assert (rows["text"].str.len() % 2 == 0).all()
    assert rows["passages"].map(len).min() > 1


@pytest.mark.parametrize("text", ["It is new. All of it.", "late"])
def test_new_passages_have_words_of_their_own(text: str) -> None:
    assert are_new([text], ["The parcel was late today and came broken, too, and nobody helped us with it."]).all()


def test_long_runs_and_small_changes_are_copies() -> None:
    real = "The parcel was late today and came broken, too, and nobody helped us."
    near = [
        "He said the parcel was late today and came broken, too. I laughed and went home again.",
        "The parcel was late today and came broken too, but nobody helped us.",
    ]
    assert not are_new(near, [real]).any()


def test_a_run_that_was_stopped_goes_on_with_the_same_texts(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMOTEXT_CACHE", "off")
    monkeypatch.setattr("smotext.settings.GROUP_SIZE", 8)  # two long texts of four candidates
    pd.DataFrame({"text": TEXTS, "label": LABELS}).to_csv("in.csv", index=False)

    def augment(*options: str, output: str) -> int:
        return entry.run(
            ["augment", "in.csv", "-o", output, "--model", "echo", "--per-class", "5", "--candidates", "4", *options]
        )

    assert augment(output="whole.csv") == 0
    assert augment("--max-tokens", "900", output="parts.csv") == 3
    assert len(pd.read_csv("parts.csv")) < len(pd.read_csv("whole.csv"))
    assert augment(output="parts.csv") == 0
    for name in ("", ".lineage.parquet"):
        assert (tmp_path / f"parts.csv{name}").read_bytes() == (tmp_path / f"whole.csv{name}").read_bytes()


def test_an_estimate_counts_all_that_is_written() -> None:
    corpus = make_corpus(np.array(TEXTS, dtype=object), np.array(LABELS, dtype=object))
    models = {"encoder": HashEncoder(), "decoder": EchoDecoder(), "seed": 0}
    whole, one = (
        estimate_run(corpus, {"article": 4}, settings=Settings(max_passages=most, candidates=4), **models)
        for most in ("auto", 1)
    )
    assert one.n_tokens == 4 * 4 * 24
    assert whole.n_tokens > 5 * one.n_tokens
    assert whole.disk_bytes > one.disk_bytes
