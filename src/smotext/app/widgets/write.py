"""The last two steps: new texts of a class, and what becomes of each of them."""

from __future__ import annotations

import functools
from typing import Any

import gradio as gr

from smotext.app import drawing
from smotext.app.review import WHICH
from smotext.app.widgets.fields import Fields, Host, Updates, class_choices, class_field, message_field
from smotext.app.workspaces import MOST_NEW, Workspace

# So many texts are on a page of the review.
SHOWN = 5
# Seconds between two looks at a run.
_EVERY_S = 1.0
KEEP, DROP = "keep", "drop"


class WriteTab:
    """Step 3: a class, a number, and how far the run is."""

    def __init__(self, page: Host) -> None:
        self.page = page
        with gr.Tab("3 Write", id="write"):
            self.message = message_field()
            with gr.Row():
                self.label = class_field("Class that gets new texts")
                self.n = gr.Number(10, label="How many", precision=0, minimum=1, maximum=MOST_NEW, step=1,
                                   info=f"From 1 to {MOST_NEW:,}; a text takes some seconds.")  # fmt: skip
            form = page.visitors.form
            self.fields = Fields(form.options, uppermost=("filters", "random_seed"))
            self.hiding = Fields(form.hiding, title="Privacy: hide rows among others") if form.hiding else None
            with gr.Row():
                self.go = gr.Button("Write", variant="primary")
                self.halt = gr.Button("Stop", interactive=False)
            self.progress = gr.HTML()
            self.timer = gr.Timer(_EVERY_S, active=False)
        self.outputs = [self.message, self.label, self.go, self.halt, self.progress, self.timer]

    def connect(self) -> None:
        """Say what each field does."""
        hiding = self.hiding.components if self.hiding is not None else []
        inputs = [self.label, self.n, *self.fields.components, *hiding]
        self.page.on(self.go.click, self.begin, inputs, self.outputs)
        self.page.on(self.halt.click, self.stop, [], self.outputs)
        self.page.on(self.timer.tick, self.tick, [], [*self.outputs, *self.page.review.outputs])

    def show(self, workspace: Workspace) -> Updates:
        """Return the tab as the workspace has it."""
        chosen = str(workspace.job.task.label) if workspace.job is not None else None
        return {self.label: class_choices(workspace, chosen), **self._state(workspace)}

    def begin(self, workspace: Workspace, label: str, n: Any, *given: Any) -> Updates:
        """Begin a run."""
        n_plain = len(self.fields.components)
        values = self.fields.values(given[:n_plain])
        if self.hiding is not None:
            values |= self.hiding.values(given[n_plain:])
        workspace.begin(label or "", n, values)
        return self._state(workspace)

    def stop(self, workspace: Workspace) -> Updates:
        """Ask the run to end."""
        if workspace.job is not None:
            workspace.job.stop()
        return self._state(workspace)

    def tick(self, workspace: Workspace) -> Updates:
        """Tell how far the run is; once it has ended, show its texts."""
        workspace.collect()
        updates = self._state(workspace)
        return updates if workspace.is_running else {**updates, **self.page.review.show(workspace)}

    def _state(self, workspace: Workspace) -> Updates:
        running = workspace.is_running
        n_waiting = workspace.turns.n_waiting if running else 0
        return {
            self.progress: drawing.progress_view(workspace.job, n_waiting),
            self.go: gr.update(interactive=not running),
            self.halt: gr.update(interactive=running and workspace.job is not None and not workspace.job.is_stopped),
            self.timer: gr.Timer(active=running or not workspace.is_collected),
        }


class ReviewTab:
    """Step 4: read each text; keep it, drop it, rewrite it; take the kept ones away."""

    def __init__(self, page: Host) -> None:
        self.page = page
        with gr.Tab("4 Review", id="review"):
            self.message = message_field()
            self.summary = gr.HTML()
            with gr.Row():
                self.which = gr.Radio(list(WHICH), value="all", label="Show")
            self.number = gr.State(0)
            self.slots = [_Slot() for _ in range(SHOWN)]
            with gr.Row() as self.turning:
                self.back = gr.Button("Back", interactive=False)
                self.forth = gr.Button("Next", interactive=False)
            self.downloads = gr.HTML()
            with gr.Accordion("Discard all texts", open=False):
                gr.HTML('<p class="sx-soft">Do this before you open another table. Nothing can bring them back.</p>')
                self.discard = gr.Button("Discard all texts that were written", variant="stop")
        parts = [part for slot in self.slots for part in slot.parts]
        self.outputs = [
            self.message, self.summary, self.number, *parts, self.turning, self.back, self.forth,
            self.downloads,
        ]  # fmt: skip

    def connect(self) -> None:
        """Say what each field does."""
        look = [self.which, self.number]
        self.page.on(self.which.input, self.first_page, [self.which], self.outputs)
        self.page.on(self.back.click, functools.partial(self.turn, by=-1), look, self.outputs)
        self.page.on(self.forth.click, functools.partial(self.turn, by=1), look, self.outputs)
        self.page.on(self.discard.click, self.discard_all, [], self.outputs)
        for number, slot in enumerate(self.slots):
            outputs = [self.message, slot.head, slot.verdict, self.summary, self.downloads]
            decide, rewrite = (functools.partial(act, slot=number) for act in (self.decide, self.rewrite))
            self.page.on(slot.verdict.input, decide, [slot.place, slot.verdict], outputs)
            # Keys alone make the first event; what is pasted makes the second.
            for event in (slot.text.input, slot.text.blur):
                self.page.on(event, rewrite, [slot.place, slot.text], outputs, trigger_mode="always_last")

    def show(self, workspace: Workspace, which: str = "all", number: int = 0) -> Updates:
        """Return a page of the texts of a kind."""
        review = workspace.review
        places = review.places(which)  # type: ignore[arg-type]
        last = max(0, (len(places) - 1) // SHOWN)
        number = min(max(number, 0), last)
        shown = places[number * SHOWN : (number + 1) * SHOWN]
        updates: Updates = {self.number: number, **self._sums(workspace)}
        for slot, place in zip(self.slots, [*shown, *[None] * (SHOWN - len(shown))], strict=True):
            updates |= slot.show(workspace, place)
        updates |= {
            self.turning: gr.update(visible=last > 0),
            self.back: gr.update(interactive=number > 0),
            self.forth: gr.update(interactive=number < last, value=f"Next ({number + 1} of {last + 1})"),
        }
        return updates

    def first_page(self, workspace: Workspace, which: str) -> Updates:
        """Show the first texts of a kind."""
        return self.show(workspace, which)

    def turn(self, workspace: Workspace, which: str, number: int, *, by: int) -> Updates:
        """Show the texts before or behind those that are shown."""
        return self.show(workspace, which, number + by)

    def decide(self, workspace: Workspace, place: int, verdict: str, *, slot: int) -> Updates:
        """Keep or drop a text."""
        workspace.review.decide(place, is_kept=verdict == KEEP)
        return self._after(workspace, place, slot)

    def rewrite(self, workspace: Workspace, place: int, text: str, *, slot: int) -> Updates:
        """Take what somebody has written into a text's place."""
        workspace.review.rewrite(place, text)
        return self._after(workspace, place, slot)

    def discard_all(self, workspace: Workspace) -> Updates:
        """Forget all texts."""
        workspace.discard()
        return self.show(workspace)

    def _after(self, workspace: Workspace, place: int, slot: int) -> Updates:
        fields = self.slots[slot]
        # All but the text itself is shown anew: somebody may be writing in it.
        shown = fields.show(workspace, place)
        return {field: shown[field] for field in (fields.head, fields.verdict)} | self._sums(workspace)

    def _sums(self, workspace: Workspace) -> Updates:
        return {
            self.summary: drawing.review_view(workspace.review),
            self.downloads: drawing.downloads_view(workspace.review, workspace.data),
        }


class _Slot:
    """One text on a page of the review."""

    def __init__(self) -> None:
        with gr.Group(visible=False, elem_classes="sx-slot") as self.group:
            # Sent along with what somebody writes or decides: the page may show other texts when that arrives.
            self.place = gr.Number(0, precision=0, visible="hidden")
            self.head = gr.HTML()
            self.text = gr.Textbox(label="Text", lines=2, max_lines=12, show_label=False, container=False)
            self.verdict = gr.Radio([KEEP, DROP], label="Verdict", show_label=False, container=False)
        self.parts = [self.group, self.place, self.head, self.verdict, self.text]

    def show(self, workspace: Workspace, place: int | None) -> Updates:
        """Return the slot with a text, or hidden where there is none."""
        if place is None:
            return {self.group: gr.update(visible=False)}
        entries = workspace.review.entries
        entry = entries[place]
        return {
            self.group: gr.update(visible=True),
            self.place: place,
            self.head: drawing.entry_view(entry, place + 1, len(entries)),
            self.verdict: KEEP if entry.is_kept else DROP,
            self.text: gr.update(value=entry.text, label=f"Text {place + 1}, {entry.label}"),
        }
