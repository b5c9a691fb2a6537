from collections import Counter

import numpy as np
import pytest
import torch

from smotext import EchoDecoder, HashEncoder, SMOTExT, load_decoder
from smotext.decoders.prompts import Prompts
from smotext.evaluation.generators import default_generators
from smotext.evaluation.labelled_texts import NotApplicable
from smotext.evaluation.without_vector import (
    ContextualEdits,
    LanguageModelWords,
    NextWords,
    PromptingDecoder,
    has_language_model,
)
from tests.decoders.checkpoints import VECTOR_DIM, make_checkpoint
from tests.evaluation.doubles import two_classes

SPEC = {
    "chat_template": "{bos}{content}",
    "prompts": ["<xRAG>-"],
    "examples_template": "{bos}Texts:\n\n{examples}<xRAG>-",
    "text_template": " {text}{eos}",
    "examples": 2,
    "max_new_tokens": 6,
}


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    return load_decoder(str(make_checkpoint(tmp_path_factory.mktemp("bridge"), spec=SPEC)), dtype="float32")


class Counts:
    """Puts in a word that was never there."""

    fingerprint = "counts"

    def __init__(self):
        self.beginnings = []

    def next_words(self, beginnings, seeds):
        self.beginnings += beginnings
        return ["NEW"] * len(beginnings)


def test_words_are_put_in_or_in_the_place_of_one_and_never_before_the_first():
    words, text = Counts(), "one two three four"
    made = ContextualEdits(words)([text], ["x"], {"x": 40}, seed=0)
    assert made.sources == ((0,),) * 40
    lengths = Counter(len(new.split()) for new in made.texts)
    assert set(lengths) == {4, 5}
    assert all(new.split().count("NEW") == 1 and new.startswith("one") for new in made.texts)
    assert all(text.startswith(beginning) for beginning in words.beginnings)


def test_a_tenth_of_the_words_of_a_long_text_is_edited():
    text = " ".join(f"w{number}" for number in range(40))
    made = ContextualEdits(Counts())([text], ["x"], {"x": 5}, seed=0)
    assert {new.split().count("NEW") for new in made.texts} <= {3, 4}  # a word put in may be replaced again


def test_a_text_of_one_word_stays_as_it_is():
    assert ContextualEdits(Counts())(["no"], ["x"], {"x": 2}, seed=0).texts == ("no", "no")


def test_the_same_seed_edits_alike():
    one, other, third = (ContextualEdits(Counts())(["a b c d e"], ["x"], {"x": 6}, seed) for seed in (1, 1, 2))
    assert one == other
    assert one != third


def test_without_a_language_model_edits_and_prompting_are_told_as_not_run():
    generators = default_generators(SMOTExT("echo"))
    for name in ("contextual edits", "prompting", "back-translation"):
        with pytest.raises(NotApplicable, match="not run: "):
            generators[name](["a", "b"], ["x", "x"], {"x": 1}, 0)


def test_the_language_model_gives_a_word_after_each_beginning_whatever_is_beside_it(decoder):
    words = LanguageModelWords(decoder)
    assert isinstance(words, NextWords)
    beginnings = ["the parcel came", "nobody answered the phone so we", "the"]
    together = words.next_words(beginnings, [5, 6, 7])
    alone = [words.next_words([text], [seed])[0] for text, seed in zip(beginnings, [5, 6, 7], strict=True)]
    assert together == alone
    assert all(len(word.split()) <= 1 for word in together)


def test_prompting_writes_what_the_language_model_says_after_the_examples_alone(decoder):
    shown = [["the parcel came late", "we sent it back"], ["nobody answered the phone"]]
    found = PromptingDecoder(decoder).decode(np.zeros((2, VECTOR_DIM)), examples=shown, max_new_tokens=5)
    prompts = Prompts(decoder.tokenizer, decoder.spec)
    for texts, written in zip(shown, found, strict=True):
        prompt = prompts.with_examples(prompts.example_ids(texts)).in_one_part()
        ids = [*prompt.before[0], *prompt.after]
        new = []
        for _ in range(5):  # the slow way: a whole pass for each token, no cache
            with torch.no_grad():
                token = int(decoder.model(input_ids=torch.tensor([[*ids, *new]])).logits[0, -1].argmax())
            if token in prompts.end_ids:
                break
            new.append(token)
        assert written == decoder.tokenizer.decode(new, skip_special_tokens=True)


def test_prompting_does_not_look_at_the_vector(decoder):
    prompting, shown = PromptingDecoder(decoder), [["the parcel came late"]]
    one, other = (
        prompting.decode(vector, examples=shown, do_sample=True) for vector in (np.zeros((1, 6)), np.ones((1, 6)))
    )
    assert one == other


def test_prompting_without_examples_is_not_run(decoder):
    with pytest.raises(NotApplicable, match="the prompts show no examples"):
        PromptingDecoder(decoder).decode(np.zeros((1, VECTOR_DIM)), examples=[[]])


class Stub(EchoDecoder):
    """A decoder that shows examples and seems to have a language model; remembers what it was asked."""

    examples, most_new_tokens = 2, None
    model = tokenizer = spec = None

    def __init__(self):
        super().__init__(64)
        self.asked = []

    def decode_rows(self, vectors, *, examples=None, seeds=None, **options):
        self.asked.append((examples, list(seeds)))
        return super().decode_rows(vectors, seeds=seeds, **options)


def test_prompting_is_asked_with_the_examples_and_seeds_of_the_sampler_it_stands_beside(monkeypatch):
    decoder, data = Stub(), two_classes(6)
    assert has_language_model(decoder)
    assert not has_language_model(EchoDecoder(64))
    generators = default_generators(SMOTExT(encoder=HashEncoder(64), decoder=decoder, k_neighbors=2, candidates=1))
    prompting = Stub()
    monkeypatch.setattr(
        PromptingDecoder, "decode_rows", lambda self, *given, **options: prompting.decode_rows(*given, **options)
    )
    ours, prompted = (generators[name](data.texts, data.labels, {"good": 3}, 4) for name in ("smotext", "prompting"))
    assert prompting.asked == decoder.asked
    assert all(len(shown) == 2 for shown in prompting.asked[0][0])
    assert ours.sources == prompted.sources
    assert len(prompted) == 3
