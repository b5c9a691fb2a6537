"""The driver's benchmark on a few rows; no test looks at a clock."""

from __future__ import annotations

import pytest

from tests.scripts import importable


@pytest.fixture
def driver():
    with importable("benchmarks") as script:
        yield script("driver")


def test_a_message_holds_the_target_vectors_and_little_else(driver):
    small, large = (driver.message(dim) for dim in (8, 72))
    assert large["to_worker_bytes"] - small["to_worker_bytes"] == pytest.approx(256 * 64 * 4, rel=0.01)
    assert small["to_worker_bytes"] < 256 * 150


def test_the_cost_of_a_row_comes_from_two_runs(driver):
    found = driver.per_row(64, 128)
    assert set(found) == {"cpu_ms", "memory_kb", "characters"}
    assert 100 < found["characters"] < 300
