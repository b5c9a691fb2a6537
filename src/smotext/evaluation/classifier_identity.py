"""What a classifier is, as text that is the same in every process: kept results are found again by it."""

from __future__ import annotations

import functools
import pickle
import re
import types
import uuid
from typing import Any

import numpy as np

from smotext.evaluation.classifiers import EncoderFeatures, frozen_encoder, tfidf
from smotext.fitting.heads import has_features
from smotext.utils.seeding import stable_hash

_PLAIN = (type(None), bool, int, float, complex, str, bytes)


def identity(model: Any) -> str:
    """Return all of the model's settings as text; what cannot be told apart gets a text that never comes again.

    scikit-learn's own ``repr`` leaves out what is long and shows two lambdas alike, so that it is followed by a
    hash of everything: parameters at every depth, arrays by their values, functions by their code.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> first, other = (TfidfVectorizer(preprocessor=text) for text in (lambda t: t.upper(), lambda t: t.lower()))
    >>> identity(first) == identity(other)
    False
    >>> identity(first) == identity(first)
    True
    """
    shown = re.sub(r" at 0x[0-9a-fA-F]+", "", re.sub(r"\s+", " ", repr(model)))
    try:
        whole = _description(model)
    except (RecursionError, ValueError):
        # A function can hold itself, or a name that is not bound yet.
        whole = _unknown()
    if whole in map(_description, _built_in(model)):
        # This is short and complete, and what results of these two were always kept under.
        return shown
    return f"{shown} {stable_hash(whole):016x}"


def _built_in(model: Any) -> list[Any]:
    """Return the classifiers of ours that the model may be."""
    features = model[0] if has_features(model) else None
    frozen = [frozen_encoder(features.encoder, features.name)] if isinstance(features, EncoderFeatures) else []
    return [tfidf(), *frozen]


def _description(value: Any) -> str:
    """Return a text that differs for values that differ, whatever they hold."""
    if type(value) in _PLAIN:
        return repr(value)
    if isinstance(value, EncoderFeatures):
        # An encoder is told apart by the name that it was given for this purpose.
        return f"encoder {value.name!r}"
    if isinstance(value, np.ndarray | np.generic):
        return f"{value.dtype}{value.shape}[{_items(value.ravel().tolist())}]"
    if type(value) in (list, tuple):
        return f"{type(value).__name__}[{_items(value)}]"
    if isinstance(value, set | frozenset):
        return f"set[{', '.join(sorted(map(_description, value)))}]"
    if type(value) is dict:
        return f"dict[{', '.join(sorted(_items(pair) for pair in value.items()))}]"
    if isinstance(value, type | types.FunctionType | types.MethodType | types.CodeType | functools.partial):
        return _code_description(value)
    if hasattr(value, "get_params"):
        return f"{_code_description(type(value))}({_description(value.get_params(deep=False))})"
    return _pickled(value)


def _items(values: Any) -> str:
    return ", ".join(map(_description, values))


def _code_description(value: Any) -> str:
    """Return the description of a class by its name, and of a function by its name, code and what it holds on to."""
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, functools.partial):
        return f"partial[{_items((value.func, value.args, value.keywords))}]"
    if isinstance(value, types.MethodType):
        return f"method[{_items((value.__func__, value.__self__))}]"
    if isinstance(value, types.CodeType):
        return f"code[{_items((value.co_code, value.co_consts, value.co_names, value.co_varnames))}]"
    held = tuple(cell.cell_contents for cell in value.__closure__ or ())
    name = f"{value.__module__}.{value.__qualname__}"
    return f"{name}[{_items((value.__code__, value.__defaults__, value.__kwdefaults__, held))}]"


def _pickled(value: Any) -> str:
    """Return a hash of the value's pickle; for what has none, a text that never comes again."""
    try:
        content = pickle.dumps(value, protocol=4)
    except Exception:
        # Pickling runs foreign code, which may raise anything; the outcome is the same.
        return _unknown()
    return f"{_code_description(type(value))} {stable_hash(content):016x}"


def _unknown() -> str:
    return f"unknown {uuid.uuid4()}"
