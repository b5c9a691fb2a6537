"""Our decoding loop on one GPU, random weights in the shapes of a 7B model: rates, bounds, and what would be faster.

::

    PYTHONPATH=src python benchmarks/decoding_gpu.py --toy     # on a CPU too: seconds, and a minute or two compiling
    PYTHONPATH=src python benchmarks/decoding_gpu.py --json --out figures.json

No weights are read and nothing is downloaded: the model is drawn on the device, the prompt has the length of xRAG's own
first one, and what runs is ``LanguageModelDecoder`` as ``decode`` runs it. Nothing that is timed depends on what the
weights say, except sampling, whose work grows with the tokens that survive top-p: the output matrix is scaled so that
few do (``--logit-std``; the number is reported).

The pieces, of which ``--only`` chooses, and the minutes to expect on one H200 (building the model, each time: 0.5)::

    bandwidth   copy rate and matrix rate, the ceilings of the bounds; always measured, the model is not built    0.1
    one         ``generate`` on one row at a time                                                                 0.3
    ours        our loop, several batch sizes, against the bounds                                                 1.5
    generate    ``generate``, several batch sizes                                                                 2.0
    texts       seconds for 2,600 texts of 128 tokens, by the package's own batch size and by others              1.0
    batches     how many texts differ between batch sizes                                                         2.5
    compile     one step eager, compiled, as a CUDA graph; with our cache and with a static one                   4.0

Planned order, about 14 minutes in all: first ``--toy --device cuda`` (2 minutes, most of them compiling), which finds
what breaks; then ``--only one ours generate texts`` (5.5), which gives the ratios; then ``--only batches compile`` (7).
``--out`` is written after every row, so that a run that is stopped leaves its figures.

The memory-bandwidth bound counts, at each step, every weight once (but not the embedding table, of which a step reads
a few rows) and all that the cache holds by then, over the measured copy rate, which counts bytes read and bytes
written. A large batch is bound by arithmetic instead. The roofline takes, step by step, the longer of the two times.

A step's ``estimated_gain`` is our loop's mean step over this way of running the model plus the sampling. Compare it
with that of ``slab``, which runs the model as the loop does: what that one gains is what the loop does besides.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from decoding import SAMPLING, best_of, measure, now
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import AttentionInterface, AutoModelForCausalLM, MistralConfig, PreTrainedTokenizerFast, StaticCache
from transformers.cache_utils import DynamicCache
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from smotext.decoders.batch_size import rows_per_batch
from smotext.decoders.bridge import BridgeSpec
from smotext.decoders.kv_cache import PreallocatedLayer
from smotext.decoders.language_model import LanguageModelDecoder
from smotext.decoders.loading import DecoderSettings
from smotext.decoders.projector import Projector, SlotProjector
from smotext.decoders.prompt_templates import PLACEHOLDER, XRAG_PROMPTS, XRAG_TEMPLATE
from smotext.decoders.prompts import Prompts, prompt_ids
from smotext.decoders.sampling import choose_tokens, keep_threshold
from smotext.errors import SmotextWarning
from smotext.settings import Sampling
from smotext.utils.devices import find_dtype, is_out_of_memory

MASKLESS = "sdpa_without_mask"  # attention under which transformers builds no mask, not even while a graph is captured

TOY: dict[str, Any] = {
    "hidden": 64, "layers": 2, "heads": 4, "kv_heads": 2, "intermediate": 128, "vocabulary": 300, "vector_dim": 16,
    "tokens": 8, "batches": [4, 8], "generate_batches": [4, 8], "one_rows": 2, "text_rows": 12, "text_batches": [0, 12],
    "equal_rows": 14, "equal_batches": [14, 7, 4], "compile_batches": [4], "copy_bytes": 2**24, "matmul_size": 256,
}  # fmt: skip


def our_loop(decoder: Any, vectors: np.ndarray, n_tokens: int, batch_size: int | None = None) -> int:
    """Decode all rows with our loop; every row writes `n_tokens`."""
    rows = decoder.decode_rows(
        vectors,
        max_new_tokens=n_tokens,
        min_new_tokens=n_tokens,
        guidance=0.0,
        batch_size=batch_size,
        **SAMPLING,
    )
    return sum(row.n_tokens for row in rows)


@torch.no_grad()
def embed_prompts(decoder: Any, vectors: torch.Tensor) -> torch.Tensor:
    """Return prompt 0 with the vectors in it, as input embeddings of shape (n_rows, n_tokens, hidden_size)."""
    prompt = Prompts(decoder.tokenizer, decoder.spec).numbered(0).in_one_part()
    table, projector = decoder.model.get_input_embeddings(), decoder.projector
    before, after = (
        table(torch.tensor(ids, dtype=torch.int64, device=vectors.device)).expand(len(vectors), -1, -1)
        for ids in (prompt.before[0], prompt.after)
    )
    if isinstance(projector, SlotProjector):
        stand_in = torch.full((projector.n_slots,), prompt.after[0], device=vectors.device)
        return torch.cat([before, table(stand_in).expand(len(vectors), -1, -1), after], dim=1)
    made = projector(vectors.to(next(projector.parameters())))
    return torch.cat([before, made.to(after), after], dim=1)


def with_generate(decoder: Any, vectors: np.ndarray, n_tokens: int, batch_size: int) -> int:
    """Decode all rows with ``generate(inputs_embeds=...)``, `batch_size` at a time."""
    written = 0
    if decoder.spec.vector_norm == "unit":
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled = torch.from_numpy(vectors).to(decoder.model.device)
    for start in range(0, len(vectors), batch_size):
        embeds = embed_prompts(decoder, scaled[start : start + batch_size])
        ids = decoder.model.generate(
            inputs_embeds=embeds,
            attention_mask=torch.ones(embeds.shape[:2], dtype=torch.int64, device=embeds.device),
            max_new_tokens=n_tokens,
            min_new_tokens=n_tokens,
            pad_token_id=decoder.tokenizer.pad_token_id or decoder.tokenizer.eos_token_id,
            **SAMPLING,
        )
        written += ids.numel()
    return written


@dataclass(frozen=True)
class ModelSize:
    """What the bounds need to know of a model.

    Attributes
    ----------
    weight_bytes : int
        Read at every step.
    n_weights : int
        Multiplied once for every token.
    cache_bytes : int
        Keys and values of one token of one row, all layers.
    """

    weight_bytes: int
    n_weights: int
    cache_bytes: int


@dataclass(frozen=True)
class Ceilings:
    """What the device can do.

    Attributes
    ----------
    copy_rate : float
        Bytes per second of a large copy, reads and writes both counted.
    matmul_rate : float
        Operations per second of a large matrix product; a multiplication and an addition are two.
    """

    copy_rate: float
    matmul_rate: float


class Report:
    """The figures so far, written to a file whenever one is added."""

    def __init__(self, head: dict[str, Any], path: Path | None) -> None:
        self.figures = head
        self.path = path

    def put(self, piece: str, value: Any) -> None:
        """Store the figures of a piece, and the ratios that they allow."""
        self.figures[piece] = value
        self.figures["ratios"] = ratios(self.figures)
        last = value[-1] if isinstance(value, list) else value
        print(f"{piece}: {as_line(last)}", *list(last.get("variants", {}).items())[-1:], file=sys.stderr, flush=True)
        if self.path is not None:
            draft = self.path.with_name(self.path.name + ".draft")
            draft.write_text(json.dumps(self.figures, indent=1) + "\n")
            os.replace(draft, self.path)


@dataclass(frozen=True)
class Bench:
    """What every piece is handed."""

    options: argparse.Namespace
    decoder: LanguageModelDecoder
    size: ModelSize
    ceilings: Ceilings
    report: Report

    @property
    def prompt_length(self) -> int:
        """Tokens of the prompt that is decoded."""
        return len(prompt_ids(self.decoder.tokenizer, self.decoder.spec.chat_template, self.decoder.prompts[0]))

    def vectors(self, n_rows: int) -> np.ndarray:
        """Return seeded random vectors."""
        return np.random.default_rng(0).normal(size=(n_rows, self.decoder.vector_dim)).astype(np.float32)


# ---- the bounds


def step_bytes(size: ModelSize, batch: int, length: int) -> int:
    """Return what one step has to read at least: the weights, and `length` cached tokens of each row."""
    return size.weight_bytes + batch * length * size.cache_bytes


def memory_bound(size: ModelSize, copy_rate: float, *, batch: int, prompt: int, tokens: int) -> float:
    """Return tokens per second if nothing but reading weights and cache took time.

    The first token comes from reading the prompt, when the cache holds `prompt` tokens; the last one's own keys are
    never needed.
    """
    n_bytes = sum(step_bytes(size, batch, prompt + step) for step in range(tokens))
    return batch * tokens * copy_rate / n_bytes


def roofline(size: ModelSize, ceilings: Ceilings, *, batch: int, prompt: int, tokens: int) -> float:
    """Return tokens per second if each step took the longer of its reading and its arithmetic.

    Two operations for each weight and token; attention's own, a few in a thousand at these lengths, are not counted.
    """
    seconds = 0.0
    for step in range(tokens):
        n_operations = 2 * size.n_weights * batch * (prompt if step == 0 else 1)
        reading = step_bytes(size, batch, prompt + step) / ceilings.copy_rate
        seconds += max(reading, n_operations / ceilings.matmul_rate)
    return batch * tokens / seconds


def size_of(model: Any) -> ModelSize:
    """Return the model's size; an embedding table of its own is read by the row and not counted."""
    table = model.get_input_embeddings().weight
    is_tied = table is model.get_output_embeddings().weight
    weights = [weight for weight in model.parameters() if is_tied or weight is not table]
    config = model.config
    return ModelSize(
        weight_bytes=sum(weight.numel() * weight.itemsize for weight in weights),
        n_weights=sum(weight.numel() for weight in weights),
        cache_bytes=2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * model.dtype.itemsize,
    )


def measure_ceilings(options: argparse.Namespace) -> Ceilings:
    """Return the rates of a large copy and of a large matrix product on random values; the best of several."""
    source = torch.randn(options.copy_bytes // 4, device=options.device)
    target = torch.empty_like(source)
    copying = best_seconds(lambda: target.copy_(source), n_calls=5, repeats=5)
    n_bytes = 2 * source.numel() * source.itemsize  # read and written
    side = options.matmul_size
    left, right = torch.randn(2, side, side, device=options.device, dtype=find_dtype(options.dtype)).unbind()
    multiplying = best_seconds(lambda: left @ right, n_calls=5, repeats=5)
    return Ceilings(copy_rate=n_bytes / copying, matmul_rate=2 * side**3 / multiplying)


def best_seconds(
    call: Callable[[], Any], *, n_calls: int, repeats: int, reset: Callable[[], None] = lambda: None
) -> float:
    """Return the seconds of one call: `n_calls` in a row, divided; the best of `repeats`, after one to warm up."""
    found = []
    for _ in range(repeats + 1):
        reset()
        start = now()
        for _ in range(n_calls):
            call()
        found.append((now() - start) / n_calls)
    return min(found[1:])


# ---- the model


def random_decoder(options: argparse.Namespace) -> LanguageModelDecoder:
    """Return a decoder with random weights, drawn on the device, that takes raw vectors and xRAG's first prompt."""
    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=options.vocabulary,
        hidden_size=options.hidden,
        intermediate_size=options.intermediate,
        num_hidden_layers=options.layers,
        num_attention_heads=options.heads,
        num_key_value_heads=options.kv_heads,
        head_dim=options.hidden // options.heads,
        sliding_window=None,  # as in Mistral-7B-Instruct-v0.2, which xRAG stands on
        tie_word_embeddings=False,
        bos_token_id=1,
        eos_token_id=2,
    )
    dtype = find_dtype(options.dtype)
    with torch.device(options.device):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype).eval().requires_grad_(False)
        projector = Projector("mlp2x_gelu", options.vector_dim, options.hidden).to(dtype).eval().requires_grad_(False)
        # the final norm leaves values of size 1, so this is the logits' standard deviation
        model.lm_head.weight.normal_(std=options.logit_std / options.hidden**0.5)
    settings = DecoderSettings("random weights", str(options.device), options.dtype)
    tokenizer = make_tokenizer(options.vocabulary)
    return LanguageModelDecoder(settings, model, tokenizer, projector, BridgeSpec(prompts=XRAG_PROMPTS[:1]))


def make_tokenizer(vocab_size: int) -> PreTrainedTokenizerFast:
    """Return a tokenizer that cuts xRAG's first prompt into as many tokens as Mistral's own does, 16.

    The rest of the vocabulary are made-up words, so that decoding ids costs what it costs elsewhere.
    """
    splitter = pre_tokenizers.Split(Regex(r" ?\w+| ?[^\w\s]| "), behavior="isolated")
    text = XRAG_TEMPLATE.removeprefix("{bos}").replace("{content}", XRAG_PROMPTS[0])
    parts = [piece for part in text.split(PLACEHOLDER) for piece, _ in splitter.pre_tokenize_str(part)]
    words = ["<unk>", "<s>", "</s>", *dict.fromkeys(parts)]
    words += [f" w{number}" for number in range(len(words), vocab_size - 1)]
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = splitter
    tokenizer.decoder = decoders.Fuse()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    fast.add_tokens([PLACEHOLDER])  # the last id, as in xRAG
    return fast


@torch.no_grad()
def tokens_kept(decoder: LanguageModelDecoder, vectors: np.ndarray) -> float:
    """Return how many tokens survive top-p on average, at the first step."""
    embeds = embed_prompts(decoder, torch.from_numpy(vectors).to(decoder.model.device))
    logits = decoder.model(inputs_embeds=embeds, logits_to_keep=1).logits[:, -1].float()
    scores = torch.log_softmax(logits / SAMPLING["temperature"], dim=-1)
    return float((scores >= keep_threshold(scores, 0, SAMPLING["top_p"])).sum(dim=-1).double().mean())


# ---- rates


def one(bench: Bench) -> None:
    """Measure ``generate`` on one row at a time, the paper's loop."""
    vectors, tokens = bench.vectors(bench.options.one_rows), bench.options.tokens
    with_generate(bench.decoder, vectors[:1], 4, 1)
    rate = measure(lambda: with_generate(bench.decoder, vectors, tokens, 1))
    bench.report.put("one", {"rows": len(vectors), "tokens_per_s": rate})


def ours(bench: Bench) -> None:
    """Measure our loop at several batch sizes."""
    rate_by_batch(bench, "ours", bench.options.batches, our_loop)


def generate(bench: Bench) -> None:
    """Measure ``generate`` at several batch sizes."""
    rate_by_batch(bench, "generate", bench.options.generate_batches, with_generate)


def rate_by_batch(bench: Bench, piece: str, batches: list[int], decode: Callable[..., int]) -> None:
    """Measure one batch of each size; a size that does not fit gets a row that says so."""
    rows: list[dict[str, Any]] = []
    for batch in batches:
        vectors, tokens = bench.vectors(batch), bench.options.tokens
        fresh_memory()
        try:
            with no_smaller_batches():
                decode(bench.decoder, vectors, 2, batch)
                rate = best_of(lambda: decode(bench.decoder, vectors, tokens, batch), bench.options.repeats)  # noqa: B023
            rows.append({"batch": batch, **against_bounds(bench, batch, rate), "peak_gb": peak_gb()})
        except Exception as error:
            if not (is_out_of_memory(error) or isinstance(error, SmotextWarning)):
                raise
            rows.append({"batch": batch, "failed": "out of memory"})
        bench.report.put(piece, rows)


def against_bounds(bench: Bench, batch: int, rate: float) -> dict[str, float]:
    """Return a rate with its two bounds and its share of each."""
    lengths = {"batch": batch, "prompt": bench.prompt_length, "tokens": bench.options.tokens}
    memory = memory_bound(bench.size, bench.ceilings.copy_rate, **lengths)
    roof = roofline(bench.size, bench.ceilings, **lengths)
    return {
        "tokens_per_s": rate,
        "step_ms": 1000 * batch / rate,
        "memory_bound_tokens_per_s": memory,
        "share_of_memory_bound": rate / memory,
        "roofline_tokens_per_s": roof,
        "share_of_roofline": rate / roof,
    }


def texts(bench: Bench) -> None:
    """Measure the seconds of ``decode`` for all texts; batch size 0 stands for the package's own choice."""
    options, rows = bench.options, []
    vectors = bench.vectors(options.text_rows)
    lengths = {"max_new_tokens": options.tokens, "min_new_tokens": options.tokens}
    for batch in options.text_batches:
        fresh_memory()
        size = batch or rows_per_batch(bench.decoder.model, len(vectors), bench.prompt_length + options.tokens)
        decode = partial(bench.decoder.decode, guidance=0.0, batch_size=batch or None, **SAMPLING)
        with no_smaller_batches():
            decode(vectors[:size], max_new_tokens=2)
            start = now()
            written = decode(vectors, **lengths)
            seconds = now() - start
        rate = len(written) * options.tokens / seconds
        row = {"texts": len(written), "batch": size, "is_own_choice": batch == 0, "seconds": seconds}
        rows.append({**row, "tokens_per_s": rate, "peak_gb": peak_gb()})
        bench.report.put("texts", rows)


def batches(bench: Bench) -> None:
    """Measure how many texts are other than in one batch: sampled and greedy, and once more at the same size."""
    options, rows = bench.options, []
    vectors = bench.vectors(options.equal_rows)
    whole, *others = options.equal_batches
    for mode, sampling in {"sampled": SAMPLING, "greedy": {"do_sample": False}}.items():
        decode = partial(bench.decoder.decode, vectors, max_new_tokens=options.tokens, guidance=0.0, **sampling)
        expected = decode(batch_size=whole)
        for batch in [whole, *others]:
            found = decode(batch_size=batch)
            rows.append({"mode": mode, "batch": batch, "against": whole, **differences(expected, found)})
            bench.report.put("batches", rows)


def differences(expected: list[str], found: list[str]) -> dict[str, Any]:
    """Return the share of texts that differ, and the median number of words before the first difference.

    Examples
    --------
    >>> differences(["a b c", "d"], ["a b x", "d"])
    {'texts': 2, 'differ': 1, 'share_differing': 0.5, 'words_before_difference': 2.0}
    """
    pairs = [(first.split(), second.split()) for first, second in zip(expected, found, strict=True) if first != second]
    before = [sum(1 for _ in takewhile(lambda words: words[0] == words[1], zip(*pair, strict=False))) for pair in pairs]
    return {
        "texts": len(expected),
        "differ": len(pairs),
        "share_differing": len(pairs) / len(expected),
        "words_before_difference": float(np.median(before)) if before else None,
    }


@contextmanager
def no_smaller_batches() -> Iterator[None]:
    """Make the warning that a batch was halved an error: the row would not be about its batch size."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", SmotextWarning)
        yield


def fresh_memory() -> None:
    """Give cached memory back, so that one row's does not decide over the next one's batch, and count peaks anew."""
    if torch.cuda.is_available():
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_gb() -> float | None:
    """Return the most memory that was taken on the GPU since `fresh_memory`, in 10^9 bytes."""
    return torch.cuda.max_memory_allocated() / 1e9 if torch.cuda.is_available() else None


# ---- would compiling or a CUDA graph pay?


@dataclass(frozen=True)
class Step:
    """One decoding step that can be run again and again: returns the logits; `reset` goes before a series."""

    run: Callable[[], torch.Tensor]
    reset: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class State:
    """Where a step starts.

    Attributes
    ----------
    model : causal language model of transformers
    ids : tensor of shape (n_rows, length), int64
        What has been read.
    token : tensor of shape (n_rows, 1), int64
        What comes next.
    capacity : int
        The most tokens that the cache will ever hold.
    """

    model: Any
    ids: torch.Tensor
    token: torch.Tensor
    capacity: int

    def forward(self, model: Any, cache: Any) -> torch.Tensor:
        """Return the logits of the step, called as the decoding loop calls it."""
        return model(input_ids=self.token, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[:, -1]

    def fill(self, cache: Any) -> Any:
        """Read `ids` into an empty cache and return it."""
        self.model(input_ids=self.ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        return cache


class HeldLayer(PreallocatedLayer):
    """A slab layer that can be held: every further token goes to the same place, so that a step can be repeated.

    Being held, it changes nothing but the contents of its buffers, which is what graphs and compilers ask for.
    """

    is_held = False

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the states after the held length, or append them; return all so far, as views."""
        if not self.is_held:
            return super().update(key_states, value_states)
        end = self.length + 1
        self._keys[:, :, self.length : end] = key_states
        self._values[:, :, self.length : end] = value_states
        return self._keys[:, :, :end], self._values[:, :, :end]

    def get_seq_length(self) -> int:
        """Return the number of tokens read; the length alone, for a compiler follows every tensor that is looked at."""
        return self.length


def held_cache(state: State) -> Any:
    """Return a cache that has read the state's ids and stays there."""
    cache = DynamicCache(config=state.model.config)
    cache.layers = [HeldLayer(state.capacity) for _ in cache.layers]
    state.fill(cache)
    for layer in cache.layers:
        layer.is_held = True
    return cache


def slab(state: State) -> Step:
    """Our loop's step."""
    return Step(partial(state.forward, state.model, held_cache(state)))


def slab_graph(state: State) -> Step:
    """Return the same, captured in a CUDA graph."""
    return captured(slab(state))


def slab_compiled(state: State) -> Step:
    """Return the same, compiled for this length."""
    return Step(partial(state.forward, torch.compile(state.model, dynamic=False), held_cache(state)))


def slab_compiled_graph(state: State) -> Step:
    """Return the compiled step, captured in a CUDA graph."""
    return captured(slab_compiled(state))


def static(state: State, mode: str | None = None) -> Step:
    """Return a step on a static cache, which attends to its whole length under a mask; compiled if a mode is given."""
    cache = state.fill(StaticCache(config=state.model.config, max_cache_len=state.capacity))
    model = state.model if mode is None else torch.compile(state.model, mode=mode, dynamic=False)

    def reset() -> None:
        for layer in cache.layers:
            layer.cumulative_length.fill_(state.ids.shape[1])

    return Step(partial(state.forward, model, cache), reset)


def captured(step: Step) -> Step:
    """Return a step whose kernels are replayed from a CUDA graph; the first runs, which allocate, go before."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step.run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        logits = step.run()

    def replay() -> torch.Tensor:
        graph.replay()
        return logits

    return Step(replay)


@dataclass(frozen=True)
class Variant:
    """A way to run the step, and what it needs."""

    build: Callable[[State], Step]
    attention: str = "sdpa"
    needs_cuda: bool = False


VARIANTS = {
    "slab": Variant(slab),
    "slab-graph": Variant(slab_graph, MASKLESS, needs_cuda=True),
    "slab-compiled": Variant(slab_compiled, MASKLESS),
    "slab-compiled-graph": Variant(slab_compiled_graph, MASKLESS, needs_cuda=True),
    "static": Variant(static),
    "static-reduce-overhead": Variant(partial(static, mode="reduce-overhead")),
}


@torch.no_grad()
def compile_steps(bench: Bench) -> None:
    """Measure one step in the middle of a text, run in several ways, against our loop's mean step."""
    rows: list[dict[str, Any]] = []
    for batch in bench.options.compile_batches:
        row: dict[str, Any] = {"batch": batch, "variants": {}}
        rows.append(row)
        fresh_memory()
        row["loop_step_ms"] = loop_step_ms(bench, batch)
        state = middle_of_a_text(bench, batch)
        expected = slab(state).run().clone()
        row["sampling_ms"] = sampling_ms(expected.float(), bench.options)
        for name in bench.options.variants:
            row["variants"][name] = attempt(bench, VARIANTS[name], state, expected, row)
            bench.report.put("compile", rows)


def loop_step_ms(bench: Bench, batch: int) -> float:
    """Return the milliseconds of a step of our loop at this batch size: model, sampling and all else."""
    vectors, tokens = bench.vectors(batch), bench.options.tokens
    our_loop(bench.decoder, vectors, 2, batch)
    return 1000 * batch / best_of(lambda: our_loop(bench.decoder, vectors, tokens, batch), bench.options.repeats)


def middle_of_a_text(bench: Bench, batch: int) -> State:
    """Return the state in which prompt and half of the text have been read, of random ids."""
    model, tokens = bench.decoder.model, bench.options.tokens
    shape = (batch, bench.prompt_length + tokens // 2 + 1)
    ids = torch.randint(3, bench.options.vocabulary - 1, shape, device=model.device)
    return State(model, ids[:, :-1], ids[:, -1:], bench.prompt_length + tokens)


def sampling_ms(logits: torch.Tensor, options: argparse.Namespace) -> float:
    """Return the milliseconds that choosing the tokens takes."""
    seeds = torch.arange(len(logits), device=logits.device)
    sampling = Sampling(**SAMPLING)
    return 1000 * best_seconds(lambda: choose_tokens(logits, sampling, seeds, 5), n_calls=10, repeats=options.repeats)


def attempt(
    bench: Bench, variant: Variant, state: State, expected: torch.Tensor, row: dict[str, Any]
) -> dict[str, Any]:
    """Return a variant's figures, or why there are none: no variant may cost the others theirs."""
    if variant.needs_cuda and state.ids.device.type != "cuda":
        return {"skipped": "CUDA graphs need a CUDA device"}
    torch._dynamo.reset()  # a second batch size is compiled for itself, not for all sizes
    fresh_memory()
    n_calls = max(1, state.capacity - state.ids.shape[1] - 1)  # a static cache moves on, and is full after these
    try:
        with attention(state.model, variant.attention):
            start = now()
            step = variant.build(state)
            step.reset()
            difference = float((step.run().float() - expected.float()).abs().max())
            setup_s = now() - start
            seconds = best_seconds(step.run, n_calls=n_calls, repeats=bench.options.repeats + 1, reset=step.reset)
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {str(error)[:300]}"}
    reading = step_bytes(bench.size, len(state.ids), state.ids.shape[1] + 1)
    return {
        "step_ms": 1000 * seconds,
        "share_of_copy_rate": reading / seconds / bench.ceilings.copy_rate,
        "setup_s": setup_s,
        "estimated_gain": row["loop_step_ms"] / (1000 * seconds + row["sampling_ms"]),
        "largest_difference": difference,
    }


@contextmanager
def attention(model: Any, name: str) -> Iterator[None]:
    """Run the model with another attention of transformers; ``MASKLESS`` is "sdpa" without a mask.

    While a graph is captured or traced, some versions build a mask even for a single token, and a mask keeps torch
    from its flash kernel.
    """
    AttentionInterface.register(MASKLESS, sdpa_attention_forward)
    before = model.config._attn_implementation
    model.set_attn_implementation(name)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


# ---- the report


def ratios(figures: dict[str, Any]) -> dict[str, float]:
    """Return the ratios that the pieces measured so far allow, each side at its best batch."""

    def best(piece: str) -> float:
        return max((row.get("tokens_per_s", 0.0) for row in figures.get(piece, [])), default=0.0)

    found = {}
    if best("ours") and best("generate"):
        found["ours_vs_generate"] = best("ours") / best("generate")
    if best("ours") and "one" in figures:
        found["ours_vs_one_at_a_time"] = best("ours") / figures["one"]["tokens_per_s"]
    if best("ours"):
        found["best_share_of_memory_bound"] = max(row.get("share_of_memory_bound", 0.0) for row in figures["ours"])
        found["best_share_of_roofline"] = max(row.get("share_of_roofline", 0.0) for row in figures["ours"])
    return found


def table(figures: dict[str, Any]) -> str:
    """Return the figures as text: a block for each piece, a line for each row."""
    head = {name: figures[name] for name in ("date", "device", "torch", "transformers", "dtype")}
    lines = [as_line(head), as_line(figures["shapes"])]
    for piece in ["bandwidth", *PIECES, "ratios", "failed"]:
        value = figures.get(piece)
        if not value:
            continue
        lines += ["", piece]
        for row in value if isinstance(value, list) else [value]:
            lines.append("  " + as_line(row))
            lines += [f"    {name}: {as_line(cells)}" for name, cells in row.get("variants", {}).items()]
    return "\n".join(lines)


def as_line(cells: dict[str, Any]) -> str:
    """Return names and values in one line; numbers to four digits, nested ones and empty ones left out."""
    kept = {name: cell for name, cell in cells.items() if cell is not None and not isinstance(cell, dict)}
    return ", ".join(
        f"{name} {cell:.4g}" if isinstance(cell, float) else f"{name} {cell}" for name, cell in kept.items()
    )


PIECES: dict[str, Callable[[Bench], None]] = {
    "one": one, "ours": ours, "generate": generate, "texts": texts, "batches": batches, "compile": compile_steps,
}  # fmt: skip


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options; ``--toy`` changes the defaults of the shapes and counts."""
    has_cuda = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=["bandwidth", *PIECES], default=list(PIECES))
    parser.add_argument("--toy", action="store_true", help="tiny shapes and counts, unless given")
    parser.add_argument("--device", default="cuda" if has_cuda else "cpu")
    parser.add_argument("--dtype", default="bfloat16")
    sizes = {"hidden": 4096, "layers": 32, "heads": 32, "kv-heads": 8, "intermediate": 14336, "vocabulary": 32001,
             "vector-dim": 4096, "tokens": 128, "repeats": 2, "one-rows": 4, "text-rows": 2600, "equal-rows": 256,
             "copy-bytes": 2**32, "matmul-size": 8192}  # fmt: skip
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    lists = {"batches": [64, 256, 512, 1024, 2600], "generate-batches": [64, 256, 512, 1024, 2600],
             "text-batches": [0, 2600], "equal-batches": [256, 64, 16], "compile-batches": [64, 256]}  # fmt: skip
    for name, values in lists.items():
        parser.add_argument(f"--{name}", type=int, nargs="+", default=values)
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--logit-std", type=float, default=4.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", type=Path, help="file for the figures, written after every row")
    if parser.parse_known_args(arguments)[0].toy:
        parser.set_defaults(**TOY)
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure the pieces that were asked for and return the figures."""
    is_cuda = torch.device(options.device).type == "cuda"
    shapes = ("hidden", "layers", "heads", "kv_heads", "intermediate", "vocabulary", "vector_dim", "tokens")
    head = {
        "date": date.today().isoformat(),
        "device": torch.cuda.get_device_name(options.device) if is_cuda else "cpu",
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "dtype": options.dtype,
        "shapes": {name: getattr(options, name) for name in shapes},
    }
    report = Report(head, options.out)
    ceilings = measure_ceilings(options)
    report.put("bandwidth", asdict(ceilings))
    pieces = [name for name in PIECES if name in options.only]
    if not pieces:
        return report.figures
    start = time.perf_counter()
    decoder = random_decoder(options)
    bench = Bench(options, decoder, size_of(decoder.model), ceilings, report)
    head["shapes"] |= {"prompt": bench.prompt_length, **asdict(bench.size)}
    head["shapes"] |= {"tokens_kept_by_top_p": tokens_kept(decoder, bench.vectors(8)), "build_s": now() - start}
    for name in pieces:
        try:
            PIECES[name](bench)
        except Exception as error:  # the other pieces are still worth having
            traceback.print_exc()
            report.put("failed", {**report.figures.get("failed", {}), name: f"{type(error).__name__}: {error}"})
    return report.figures


def main(arguments: list[str] | None = None) -> None:
    """Measure and print; the exit code is 1 if a piece failed."""
    options = parse(arguments)
    figures = run(options)
    print(json.dumps(figures, indent=1) if options.json else table(figures))
    if "failed" in figures:
        sys.exit(1)


if __name__ == "__main__":
    main()
