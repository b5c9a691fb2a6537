"""The page's fields and buttons, and who is told when one is pressed; what happens then is the workspace's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from smotext.app import drawing
from smotext.app.widgets.fields import Updates
from smotext.app.widgets.look import BetweenTab, TableTab
from smotext.app.widgets.write import ReviewTab, WriteTab
from smotext.app.workspaces import Visitors, Workspace

TITLE = "SMOTExT"

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
            except Exception as error:
                # An error of ours, of a model or of a full disk: it is said on the page in any case.
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
