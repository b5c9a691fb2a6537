"""The page's fields and buttons, and who is told when one is pressed; what happens then is the workspace's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from smotext.app import drawing
from smotext.app.forms import Form, Option
from smotext.app.workspaces import Visitors, Workspace

TITLE = "SMOTExT"
Updates = dict[Any, Any]

_HEAD = """
<header class="sx-head"><h1>SMOTExT</h1>
<p>New labelled texts for a class that has too few: two real ones are mixed, and a language model writes down the mix.
</p><p class="sx-soft">Everything stays on this computer{shared}. What you upload is deleted when the program ends.</p>
</header>
"""


class Page:
    """The page: four steps, each a tab.

    Parameters
    ----------
    visitors : Visitors
    token_of : callable
        Returns the visitor's token from a request.
    is_shared : bool
        Whether others on the network use it as well.
    """

    def __init__(self, visitors: Visitors, token_of: Callable[[Any], str | None], *, is_shared: bool = False) -> None:
        from smotext.app.widgets.look import BetweenTab, TableTab
        from smotext.app.widgets.write import ReviewTab, WriteTab

        self.visitors, self.token_of = visitors, token_of
        with gr.Blocks(title=TITLE, analytics_enabled=False) as self.blocks:
            shared = ", which others on your network share" if is_shared else ""
            gr.HTML(_HEAD.format(shared=shared))
            with gr.Tabs(elem_id="sx-tabs") as self.tabs:
                self.table = TableTab(self)
                self.between = BetweenTab(self)
                self.write = WriteTab(self)
                self.review = ReviewTab(self)
            self.parts = (self.table, self.between, self.write, self.review)
            for part in self.parts:
                part.connect()
            everything = [one for part in self.parts for one in part.outputs]
            self.blocks.load(
                self.answering(self.everything), None, everything, show_progress="hidden", api_visibility="private"
            )
        self.blocks.queue(default_concurrency_limit=16, api_open=False)

    def everything(self, workspace: Workspace) -> Updates:
        """Return the whole page as the workspace has it, as for a tab that was opened again."""
        workspace.collect()
        updates: Updates = {}
        for part in self.parts:
            updates |= part.show(workspace)
        return updates

    def answering(self, act: Callable[..., Updates], message: Any = None) -> Callable[..., Updates]:
        """Return a handler: the visitor's workspace and the fields' values go to `act`, errors to `message`."""

        def handle(request: gr.Request, *values: Any) -> Updates:
            try:
                workspace = self.visitors.of(self.token_of(request))
                updates = act(workspace, *values)
            except Exception as error:  # of ours, of a model, of a full disk: said on the page in any case
                if message is None:
                    raise gr.Error(str(error)) from error
                return {message: drawing.alert(error)}
            return updates if message is None else {message: "", **updates}

        return handle

    def on(
        self, event: Any, act: Callable[..., Updates], inputs: Sequence[Any], outputs: Sequence[Any], **how: Any
    ) -> Any:
        """Connect an event of a field; the first of the outputs takes the errors."""
        how = {"show_progress": "hidden", "api_visibility": "private", **how}
        return event(self.answering(act, outputs[0]), list(inputs), list(outputs), **how)


class Fields:
    """The options of the method, those that are often wanted first and the others folded away."""

    def __init__(self, form: Form, *, without: Sequence[str] = (), uppermost: Sequence[str] = ()) -> None:
        options = [option for option in form.options if option.name not in without]
        self.names = [option.name for option in sorted(options, key=lambda one: one.name not in uppermost)]
        by_name = {option.name: option for option in options}
        uppermost = [name for name in self.names if name in uppermost]
        fields: dict[str, Any] = {}
        if uppermost:
            with gr.Row():
                fields |= {name: _field(by_name[name]) for name in uppermost}
        with gr.Accordion("All options", open=False):
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
    if option.kind in (int, float) and option.default is not None:  # a field of numbers can't be left empty
        step = 1 if option.kind is int else 0.05
        return gr.Number(option.default, precision=0 if option.kind is int else None, step=step, **words)
    return gr.Textbox(option.default, **words)
