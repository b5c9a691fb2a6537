"""The GPU benchmark at toy shapes: its bounds by hand, and that every piece gives sensible figures on a CPU."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any

import pytest

from tests.scripts import importable

PIECES = {"bandwidth", "one", "ours", "generate", "texts", "batches", "compile", "ratios"}


@pytest.fixture(scope="module")
def script() -> Iterator[Any]:
    with importable("benchmarks") as load:
        yield load("decoding_gpu")


@pytest.fixture(scope="module")
def toy_figures(script: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path, printed = tmp_path_factory.mktemp("figures") / "figures.json", io.StringIO()
    options = "--toy --json --device cpu --dtype float32 --repeats 1 --copy-bytes 65536"
    with redirect_stdout(printed):
        script.main([*options.split(), "--variants", "slab", "slab-graph", "static", "--out", str(path)])
    figures = json.loads(path.read_text())
    assert json.loads(printed.getvalue()) == figures
    return figures


def numbers(value: Any) -> list[float]:
    if isinstance(value, dict | list):
        return [number for part in (value.values() if isinstance(value, dict) else value) for number in numbers(part)]
    return [value] if isinstance(value, int | float) else []


def test_the_memory_bound_is_weight_and_cache_bytes_over_the_copy_rate(script: Any):
    size = script.ModelSize(weight_bytes=100, n_weights=50, cache_bytes=2)
    found = script.memory_bound(size, 10.0, batch=5, prompt=3, tokens=2)
    # 5 rows x 2 tokens; step one reads 100 + 5 x 3 x 2 = 130 bytes, step two 100 + 5 x 4 x 2 = 140; at 10 a second
    assert found == pytest.approx(10 / 27)


def test_the_roofline_takes_the_longer_of_reading_and_arithmetic_at_each_step(script: Any):
    size = script.ModelSize(weight_bytes=100, n_weights=50, cache_bytes=2)
    ceilings = script.Ceilings(copy_rate=10.0, matmul_rate=100.0)
    found = script.roofline(size, ceilings, batch=5, prompt=3, tokens=2)
    # step one: 2 x 50 x 5 x 3 = 1500 operations, 15 s, reading takes 13 s; step two: 500 operations, 5 s, reading 14 s
    assert found == pytest.approx(10 / (15 + 14))


def test_the_7b_shapes_have_the_bytes_of_a_7b_model(script: Any):
    options = script.parse(["--device", "meta"])
    decoder = script.random_decoder(options)
    size = script.size_of(decoder.model)
    layer = 4096 * (4096 + 1024 + 1024 + 4096) + 3 * 4096 * 14336 + 2 * 4096  # attention, MLP, two norms
    assert size.n_weights == 32 * layer + 4096 + 32001 * 4096  # and the last norm and the output matrix
    assert size.weight_bytes == 2 * size.n_weights
    assert size.cache_bytes == 2 * 32 * 8 * 128 * 2  # keys and values, layers, heads, width, bytes of bfloat16


def test_the_prompt_has_the_length_of_xrags_own(script: Any):
    tokenizer = script.make_tokenizer(300)
    ids = script.prompt_ids(tokenizer, script.XRAG_TEMPLATE, script.XRAG_PROMPTS[0])
    assert (len(ids), len(tokenizer)) == (16, 300)
    assert tokenizer.unk_token_id not in ids


def test_every_piece_gives_finite_figures_at_toy_shapes(toy_figures: dict[str, Any]):
    assert toy_figures.keys() >= PIECES
    assert "failed" not in toy_figures
    assert all(math.isfinite(number) and number >= 0 for number in numbers(toy_figures))
    assert [row["batch"] for row in toy_figures["ours"]] == [4, 8]
    assert all(row["tokens_per_s"] > 0 for piece in ("ours", "generate", "texts") for row in toy_figures[piece])
    assert [row["texts"] for row in toy_figures["texts"]] == [12, 12]


def test_float32_texts_do_not_depend_on_the_batch_size(toy_figures: dict[str, Any]):
    assert [row["differ"] for row in toy_figures["batches"]] == [0] * 6


def test_a_step_with_another_cache_gives_the_loops_own_logits(toy_figures: dict[str, Any]):
    variants = toy_figures["compile"][0]["variants"]
    assert variants["slab"]["largest_difference"] == 0
    assert variants["static"]["largest_difference"] < 1e-4
    assert variants["slab-graph"] == {"skipped": "CUDA graphs need a CUDA device"}


def test_differences_counts_texts_and_the_words_before_them(script: Any):
    found = script.differences(["a b c", "d", "e f"], ["a b x", "d", "e f"])
    assert (found["texts"], found["differ"], found["words_before_difference"]) == (3, 1, 2.0)


def test_a_piece_that_fails_leaves_the_others_their_figures(script: Any, monkeypatch: pytest.MonkeyPatch):
    def broken(bench: Any) -> None:
        raise RuntimeError("no kernel image")

    monkeypatch.setitem(script.PIECES, "ours", broken)
    figures = script.run(script.parse("--toy --device cpu --only one ours".split()))
    assert figures["failed"] == {"ours": "RuntimeError: no kernel image"}
    assert figures["one"]["tokens_per_s"] > 0
