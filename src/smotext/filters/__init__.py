"""Which synthetic texts are kept, and why the others are not. Needs numpy and scikit-learn; encoders are handed in."""

from smotext.filters.copying import Copied
from smotext.filters.fluency import Gibberish, WordSalad
from smotext.filters.judge import Judge, make_judge
from smotext.filters.labels import OffLabel, SoftLabels
from smotext.filters.named import default_filters, resolve_filters, strict_filters
from smotext.filters.near_copies import Duplicate, NearCopy
from smotext.filters.nearness import OffTarget, OffTopic
from smotext.filters.protocol import Batch, Filter, FittedFilter, PlainFilter, RealTexts
from smotext.filters.quality import CutOff, Empty, Repetitive, Short

__all__ = [
    "Batch",
    "Copied",
    "CutOff",
    "Duplicate",
    "Empty",
    "Filter",
    "FittedFilter",
    "Gibberish",
    "Judge",
    "NearCopy",
    "OffLabel",
    "OffTarget",
    "OffTopic",
    "PlainFilter",
    "RealTexts",
    "Repetitive",
    "Short",
    "SoftLabels",
    "WordSalad",
    "default_filters",
    "make_judge",
    "resolve_filters",
    "strict_filters",
]
