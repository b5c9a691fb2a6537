from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

import pytest

from smotext import SMOTExT
from smotext.cli.options import MethodOptions, RowOptions
from smotext.decoders.language_model import LanguageModelDecoder
from smotext.settings import Sampling, Settings, declared_options


def defaults_of(function: Any) -> dict[str, Any]:
    return {name: each.default for name, each in inspect.signature(function).parameters.items()}


def test_the_samplers_parameters_are_those_declared_and_those_that_are_no_values() -> None:
    given = defaults_of(SMOTExT)
    declared = {name: each.default for name, each in declared_options().items()}
    assert {name: given[name] for name in declared} == declared
    others = {"encoder", "decoder", "sampling_strategy", "unlabelled", "random_state", "verbose"}
    assert given.keys() - declared.keys() == others


def test_the_command_line_has_every_option_but_a_privacy_that_is_decided_beforehand() -> None:
    of_command = {each.name for group in (MethodOptions, RowOptions) for each in fields(group)}
    assert of_command == declared_options().keys() - {"privacy"} | {"random_seed", "label_separator"}


def test_the_command_lines_defaults_are_the_declared_ones() -> None:
    from smotext.cli.augment_job import make_sampler

    made, plain = make_sampler(MethodOptions()).get_params(), SMOTExT(random_state=0).get_params()
    assert made == plain


def test_decode_alone_has_the_defaults_of_its_sampling_options() -> None:
    given = defaults_of(LanguageModelDecoder.decode)
    assert {each.name: given[each.name] for each in fields(Sampling)} == {
        each.name: each.default for each in fields(Sampling)
    }


def test_every_option_says_what_it_does() -> None:
    for name, each in declared_options().items():
        assert each.metadata["help"].endswith("."), name


@pytest.mark.parametrize("name", [each.name for each in fields(Settings)])
def test_the_samplers_docstring_has_every_option(name: str) -> None:
    assert name in (SMOTExT.__doc__ or "")
