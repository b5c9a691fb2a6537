"""Cards for the hub, in the hub's own form: what a data set or a bridge is, and what is known of it."""

from __future__ import annotations

import importlib.resources
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smotext.data.synthetic_marks import SYNTHETIC_COLUMN
from smotext.errors import InputError
from smotext.reporting.evaluation_facts import headline
from smotext.reporting.report_inputs import RunTables
from smotext.reporting.run_facts import class_counts, funnel_steps
from smotext.reporting.run_page import STEPS

if TYPE_CHECKING:
    from huggingface_hub import DatasetCard, ModelCard

UNKNOWN_LICENSE = "unknown"
# So many classes are in a card.
MOST_CLASSES = 100
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_TAGS = ["synthetic", "smotext", "data-augmentation"]


def data_card(
    tables: RunTables,
    *,
    license: str = UNKNOWN_LICENSE,
    language: str | None = None,
    evaluation: Mapping[str, Any] | None = None,
    audit: Mapping[str, Any] | None = None,
    has_real_rows: bool = False,
) -> DatasetCard:
    """Return the card of a synthetic data set; it quotes no text.

    Parameters
    ----------
    tables : RunTables
        What the run left behind.
    license : str
        Of the data, as the hub names licences, such as ``"cc-by-4.0"``.
    language : str, optional
        Such as ``"en"``.
    evaluation : mapping, optional
        A ``report.json`` of ``smotext evaluate``.
    audit : mapping, optional
        What ``smotext privacy --json`` printed.
    has_real_rows : bool
        Whether the real rows are published as well.

    Returns
    -------
    DatasetCard

    Raises
    ------
    InputError
        If the evaluation or the audit holds something else.
    """
    from huggingface_hub import DatasetCard, DatasetCardData

    counts = class_counts(tables)
    n_rows = len(tables.synthetic) + (sum(one.before for one in counts) if has_real_rows else 0)
    title = Path(tables.name).name.partition(".")[0] or tables.name
    data = DatasetCardData(
        license=license, language=language, pretty_name=title, tags=list(_TAGS),
        task_categories=["text-classification"], annotations_creators=["machine-generated"],
        language_creators=["machine-generated"], source_datasets=["original"], size_categories=[_size(n_rows)],
    )  # fmt: skip
    facts: dict[str, Any] = {
        "title": _plain(title),
        "lead": _lead(len(tables.synthetic), len(counts), has_real_rows),
        "privacy_lead": "An audit is below." if audit else "No audit was made: nobody knows how much they give away.",
        "made": _made(tables),
        "command": _command(tables),
        "columns": _columns(tables),
        "counts": [(_plain(one.label), one.before, one.synthetic) for one in counts[:MOST_CLASSES]],
        "n_more": max(0, len(counts) - MOST_CLASSES),
        "filters_lead": _filters(tables),
        "funnel": [(_plain(STEPS.get(step, step)), number) for step, number in funnel_steps(tables) if number],
        "evaluation": _evaluation(evaluation),
        "audit": _audit(audit),
        "license_lead": _license(license),
    }
    return DatasetCard.from_template(data, template_str=_template(), **facts)


def bridge_card(directory: Path, *, license: str | None = None, language: str | None = None) -> ModelCard:
    """Return the card of a bridge: its own README.md, with what the hub reads of it before.

    Parameters
    ----------
    directory : Path
        Of the bridge.
    license : str, optional
        Of the weights; what the card has already counts unless it is given.
    language : str, optional

    Raises
    ------
    InputError
        If there is no bridge, or its card is damaged.
    """
    from huggingface_hub import ModelCard, ModelCardData

    from smotext.decoders.bridge import read_spec
    from smotext.presets import is_bridge

    if not is_bridge(directory):
        raise InputError(f"{directory} is no bridge: expected the directory that smotext train or adapt wrote")
    spec = read_spec(directory)
    readme = directory / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.is_file() else _bare_bridge_card(directory)
    try:
        card = ModelCard(text)
    except (ValueError, TypeError) as error:
        raise InputError(f"{readme} has a damaged head: mend or remove what stands between its lines of ---") from error
    models = [] if spec is None else [spec.encoder, spec.base.repo_id if spec.base is not None else None]
    named = [name for name in models if name and not name.startswith((".", "/", "~"))]
    known = {name: value for name, value in card.data.to_dict().items() if value is not None}
    wanted = {
        "library_name": "smotext", "pipeline_tag": "text-generation",
        "tags": ["smotext", "xrag", "embedding-inversion"], "base_model": named or None,
        "license": UNKNOWN_LICENSE, **known,
        **({"license": license} if license else {}), **({"language": language} if language else {}),
    }  # fmt: skip
    card.data = ModelCardData(**{name: value for name, value in wanted.items() if value is not None})
    return ModelCard(f"---\n{card.data.to_yaml()}\n---\n\n{card.text.lstrip()}")


def _bare_bridge_card(directory: Path) -> str:
    return (
        f"# {_plain(directory.resolve().name)}\n\nA bridge of SMOTExT (arXiv 2505.13434): it turns vectors of an "
        "encoder into texts of a language model. Whoever holds vectors can have it write down roughly what their texts "
        "said.\n"
    )


def _lead(n_synthetic: int, n_classes: int, has_real_rows: bool) -> str:
    classes = "class" if n_classes == 1 else "classes"
    beside = "beside the real rows that they were made from" if has_real_rows else "without the real rows"
    return f"{n_synthetic:,} synthetic texts of {n_classes:,} {classes}, {beside}."


def _made(tables: RunTables) -> list[tuple[str, str]]:
    record = tables.record
    if record is None:
        return [("options", "not known: an earlier version wrote the lineage")]
    options = {name: value for name, value in record.options.items() if value is not None}
    seed = options.pop("random_seed", "")
    # With the seed, what stood in a made-up value's place can be tried out.
    facts = [("model", options.pop("model", "")), ("seed", "" if options.get("hide_values") else seed)]
    facts += [(role, fingerprint) for role, fingerprint in record.models.items()]
    facts += [("options", ", ".join(f"{name}={value}" for name, value in options.items() if name != "filters"))]
    versions = record.settings.get("versions", {})
    facts += [("versions", ", ".join(f"{name} {version}" for name, version in versions.items()))]
    return [(name, _plain(str(value))) for name, value in facts if value != ""]


def _command(tables: RunTables) -> str:
    words = tables.record.command if tables.record is not None else ()
    if "--hide-values" in words:  # the seed may stand in it
        return ""
    return shlex.join([*words[:3], "-o", tables.name, *words[3:]]).replace("```", "'''") if words else ""


def _columns(tables: RunTables) -> list[tuple[str, str]]:
    columns = {} if tables.record is None else tables.record.columns
    texts = [name for name in str(columns.get("record_columns") or "").split(",") if name]
    return [
        *((_plain(name), "a part of the text") for name in texts),
        *([] if texts else [(_plain(str(columns.get("text_column") or "text")), "the text")]),
        (_plain(str(columns.get("label_column") or "label")), "its class"),
        (SYNTHETIC_COLUMN, "true where a language model wrote the text"),
    ]


def _filters(tables: RunTables) -> str:
    names = tables.record.filters if tables.record is not None else ()
    if not names:
        return "No filter was asked for; copies of real texts are never kept."
    return f"Asked, in this order: {', '.join(_plain(name) for name in names)}. Copies of real texts are never kept."


def _evaluation(content: Mapping[str, Any] | None) -> list[str]:
    if content is None:
        return ["Nobody has measured it yet: `smotext evaluate` does, on the real data."]
    try:
        return [headline(content["verdicts"]), *(f"* {_plain(str(line))}" for line in content["sentences"])]
    except (KeyError, TypeError) as error:
        raise InputError(
            f"the evaluation is damaged ({error!r}): expected the report.json of smotext evaluate"
        ) from error


def _audit(content: Mapping[str, Any] | None) -> list[str]:
    """Return the verdicts; what an audit quotes of real rows stays out."""
    if content is None:
        return ["No audit was made: `smotext privacy` attacks the texts and says what it finds."]
    verdicts = content.get("verdicts")
    if not isinstance(verdicts, list) or not all(isinstance(line, str) for line in verdicts):
        raise InputError("the audit has no verdicts: expected what smotext privacy --json printed")
    return [f"* {_plain(line)}" for line in verdicts]


def _license(license: str) -> str:
    if license == UNKNOWN_LICENSE:
        told = (
            "Not said. The texts derive from the real data, from the language model and from what both were trained on."
        )
    else:
        told = f"{license}, as the publisher says."
    return f"{told} The licence of the data that they were made from may bind them as well."


def _plain(text: str) -> str:
    """Return a text of one line that is no markup.

    Examples
    --------
    >>> _plain("a | b\\n<script>")
    'a \\\\| b &lt;script>'
    """
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("`", "'")


def _size(n_rows: int) -> str:
    return next((name for most, name in _SIZES if n_rows < most), "n>1M")


def _template() -> str:
    path = importlib.resources.files("smotext.publishing") / "data_card.md.jinja"
    return path.read_text(encoding="utf-8")
