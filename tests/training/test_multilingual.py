"""A bridge for French, Chinese and Arabic by the recipe, on tiny random checkpoints in the formats that it names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

import smotext
from smotext.decoders.bridge import BridgeSpec
from smotext.errors import SmotextWarning
from smotext.training.data.passages import Cutting, cut_passages
from smotext.training.models.pair import load_training_pair
from smotext.training.scoring.score import bare_bits

RECIPE = Path(__file__).parents[2] / "recipes" / "multilingual.sh"
SHORTER = (
    "--max-steps 2 --max-passages 48 --document-share 1 --batch-size 8 --held-out 2 --min-tokens 2 --max-tokens 60 "
    "--precision float32 --quiet"  # the last counts
)
FRENCH = [
    f"Le {who} est {how} et je ne suis pas contente de la {what}."
    for who, how, what in product(("colis", "train", "livre"), ("en retard", "perdu", "cassé"), ("poste", "réponse"))
]
CHINESE = [
    f"我的{who}{how}了。我对{what}很不满意！"
    for who, how, what in product(("包裹", "火车票", "书"), ("迟到", "丢", "坏"), ("邮局", "回答"))
]
ARABIC = [
    f"{who} {how} ولا أحد يرد على {what}."
    for who, how, what in product(("الطرد", "القطار", "الكتاب"), ("تأخر", "ضاع", "انكسر"), ("الهاتف", "الرسالة"))
]
TEXTS = [*FRENCH, *CHINESE, *ARABIC]


def write_encoder(folder: Path) -> Path:
    """Write an encoder as paraphrase-multilingual-MiniLM's files are: BERT, XLM-R's tokenizer, mean pooling."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=200, special_tokens=special, unk_token="<unk>", show_progress=False)
    made.train_from_iterator(TEXTS, trainer)
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>", unk_token="<unk>",
        pad_token="<pad>", model_max_length=128,
    )  # fmt: skip
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=160, initializer_range=0.3,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 128, "do_lower_case": False}))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True})
    )
    return folder


def write_language_model(folder: Path) -> Path:
    """Write a language model as Qwen2.5's files are: tied embeddings, a byte-level tokenizer without a begin token."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    made.train_from_iterator([f" {text}\n" for text in TEXTS], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token="<|endoftext|>", pad_token="<|endoftext|>", clean_up_tokenization_spaces=False
    )
    config = Qwen2Config(
        vocab_size=len(tokenizer) + 8, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=1024, tie_word_embeddings=True, eos_token_id=0, bos_token_id=0,
    )  # fmt: skip
    Qwen2ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_corpus(path: Path) -> Path:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS), encoding="utf-8")
    return path


def test_passages_end_at_the_full_stops_of_each_script() -> None:
    def count(texts: list[str]) -> list[int]:
        return [len(text) for text in texts]

    cutting, rng = Cutting(min_tokens=1, max_tokens=16), np.random.default_rng(0)
    passages = cut_passages("我的包裹迟到了。我很不满意！谁来帮我？", count, cutting, rng)
    assert "".join(passages) == "我的包裹迟到了。我很不满意！谁来帮我？"
    assert all(passage[-1] in "。！？" for passage in passages)
    arabic = "تأخر الطرد. هل من مجيب؟ لا أحد."
    assert cut_passages(arabic, count, Cutting(min_tokens=1, max_tokens=12), rng) == [
        "تأخر الطرد.", "هل من مجيب؟", "لا أحد.",
    ]  # fmt: skip


@pytest.mark.slow
def test_the_recipe_makes_a_bridge_that_writes_and_says_what_it_is_for(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    shim = tmp_path / "bin" / "smotext"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m smotext "$@" {SHORTER}\n', encoding="utf-8")
    shim.chmod(0o755)
    environment = {**os.environ, "PATH": f"{shim.parent}:{os.environ['PATH']}", "SMOTEXT_CACHE": "off"}
    encoder, lm = write_encoder(tmp_path / "encoder"), write_language_model(tmp_path / "lm")
    out = tmp_path / "out"
    command = ["bash", str(RECIPE), str(write_corpus(tmp_path / "corpus.jsonl")), str(out), str(encoder), str(lm)]
    subprocess.run(command, env=environment, check=True)

    decoder = smotext.load_decoder(str(out))
    assert set(decoder.spec.languages) == {"fr", "zh", "und-Arab"}
    assert not decoder.spec.chat_template.startswith("{bos}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        smx = smotext.SMOTExT(str(out), random_state=0, candidates=2, max_new_tokens=12, on_shortfall="report")
        labels = ["fr"] * len(FRENCH) + ["zh"] * len(CHINESE) + ["ar"] * len(ARABIC)
        warnings.filterwarnings("ignore", message="fewer texts|.*accepted=False", category=SmotextWarning)
        rows = smx.generate(TEXTS, labels, n=6)
    assert len(rows) + len(smx.rejected_) >= 12
    english = [f"The parcel number {number} was late again, and nobody answers the phone." for number in range(6)]
    with pytest.warns(SmotextWarning, match="look like English, and the model was made for") as caught:
        smx.generate(english, ["late"] * 6, n=1)
    assert sum("look like" in str(warning.message) for warning in caught) == 1


@pytest.mark.slow
def test_a_language_model_without_a_begin_token_is_scored_after_its_end_token(tmp_path: Path) -> None:
    pair = load_training_pair(str(write_language_model(tmp_path / "lm")), vector_dim=4, spec=BridgeSpec())
    assert bare_bits(pair.lm, pair.tokenizer, CHINESE[:2]) > 0
