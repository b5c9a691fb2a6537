"""Fields that several tabs have, and what a tab asks of the page that it is on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import gradio as gr

from smotext.app.forms import Option
from smotext.app.workspaces import Visitors, Workspace

Updates = dict[Any, Any]


class Host(Protocol):
    """The page that a tab is on.

    Attributes
    ----------
    visitors : Visitors
    table, between, write, review : the tabs
    """

    visitors: Visitors
    table: Any
    between: Any
    write: Any
    review: Any

    def on(
        self, event: Any, act: Callable[..., Updates], inputs: Sequence[Any], outputs: Sequence[Any], **how: Any
    ) -> Any:
        """Connect an event of a field; the first of the outputs takes the errors."""
        ...


class Fields:
    """Options, those that are often wanted first and the others folded away under `title`."""

    def __init__(
        self,
        options: Sequence[Option],
        *,
        title: str = "All options",
        without: Sequence[str] = (),
        uppermost: Sequence[str] = (),
    ) -> None:
        options = [option for option in options if option.name not in without]
        self.names = [option.name for option in sorted(options, key=lambda one: one.name not in uppermost)]
        by_name = {option.name: option for option in options}
        uppermost = [name for name in self.names if name in uppermost]
        fields: dict[str, Any] = {}
        if uppermost:
            with gr.Row():
                fields |= {name: _field(by_name[name]) for name in uppermost}
        with gr.Accordion(title, open=False):
            folded = [name for name in self.names if name not in uppermost]
            for start in range(0, len(folded), 3):
                with gr.Row():
                    fields |= {name: _field(by_name[name]) for name in folded[start : start + 3]}
        self.components = [fields[name] for name in self.names]

    def values(self, given: Sequence[Any]) -> dict[str, Any]:
        """Return the fields' values by the options' names."""
        return dict(zip(self.names, given, strict=True))


def class_field(label: str) -> gr.Dropdown:
    """Return a field for a class; of very many the name can be typed."""
    return gr.Dropdown([], label=label, allow_custom_value=True, info="Choose one, or type its name.", scale=3)


def message_field() -> gr.HTML:
    """Return a place for what goes wrong, which takes no room until something does."""
    return gr.HTML(elem_classes="sx-message")


def class_choices(workspace: Workspace, chosen: str | None = None, most: int = 200) -> Any:
    """Return the update of a field for a class: the smallest classes first, which need new texts the most."""
    if workspace.data is None:
        return gr.update(choices=[], value=None)
    ranked = sorted(workspace.data.counts.items(), key=lambda item: item[1])
    labels = [str(label) for label, _ in ranked]
    choices = [(f"{label} ({number:,})", str(label)) for label, number in ranked[:most]]
    return gr.update(choices=choices, value=chosen if chosen in labels else labels[0])


def _field(option: Option) -> Any:
    words: dict[str, Any] = {"label": option.name, "info": option.words}
    if option.choices:
        return gr.Dropdown(list(option.choices), value=option.default or option.choices[0], **words)
    if option.kind is bool:
        return gr.Checkbox(option.default, **words)
    # A field of numbers can't be left empty, so that one without a default is a field of text.
    if option.kind in (int, float) and option.default is not None:
        step = 1 if option.kind is int else 0.05
        return gr.Number(option.default, precision=0 if option.kind is int else None, step=step, **words)
    return gr.Textbox(option.default, **words)
