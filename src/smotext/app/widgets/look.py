"""The first two steps: a table and its columns; two texts and what lies between them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import gradio as gr

from smotext.app import drawing
from smotext.app.between import N_STEPS, line_map
from smotext.app.widgets.fields import Fields, Host, Updates, class_choices, class_field, message_field
from smotext.app.workspaces import Workspace
from smotext.errors import InputError

NO_CLASSES = "(none: all texts are one class)"
# Options that mean nothing between two texts.
_IDLE = (
    "strategy", "k_neighbors", "n_parents", "lam", "hide_values", "turns", "filters", "on_shortfall", "max_passages",
)  # fmt: skip
_SUFFIXES = [".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".pq", ".gz"]


class TableTab:
    """Step 1: a table, its columns, and how many rows each class has."""

    def __init__(self, page: Host) -> None:
        self.page = page
        with gr.Tab("1 Table", id="table"):
            self.message = message_field()
            self.file = gr.File(
                label="A table of texts: CSV, TSV, JSON lines or Parquet", file_types=_SUFFIXES, height=150
            )
            with gr.Row():
                self.text = gr.Dropdown([], label="Column of the texts", interactive=True)
                self.label = gr.Dropdown([], label="Column of the classes", interactive=True)
            self.counts = gr.HTML()
            self.preview = gr.HTML()
            with gr.Accordion("The table looks wrong, or has changed", open=False):
                with gr.Row():
                    self.separator = gr.Textbox(
                        label="separator", info="Between cells, such as ; or tab; seen if empty."
                    )
                    self.encoding = gr.Textbox(label="encoding", info="Such as windows-1252; UTF-8 if empty.")
                self.again = gr.Button("Read the table again")
        self.outputs = [self.message, self.text, self.label, self.counts, self.preview]

    def connect(self) -> None:
        """Say what each field does."""
        outputs = [*self.outputs, *self.page.between.outputs, *self.page.write.outputs]
        look = [self.separator, self.encoding]
        self.page.on(self.file.upload, self.open, [self.file, *look], outputs)
        self.page.on(self.again.click, self.reread, look, outputs)
        for field in (self.text, self.label):
            self.page.on(field.input, self.use, [self.text, self.label], outputs)

    def show(self, workspace: Workspace) -> Updates:
        """Return the tab as the workspace has it."""
        sheet, data = workspace.sheet, workspace.data
        if sheet is None:
            return {self.counts: '<p class="sx-soft">No table is open yet.</p>', self.preview: ""}
        text = sheet.text_column if data is None else data.table.text_column
        label = sheet.label_column if data is None else data.table.label_column if data.has_labels else ""
        return {
            self.text: gr.update(choices=list(sheet.columns), value=text),
            self.label: gr.update(choices=[NO_CLASSES, *sheet.columns], value=label or NO_CLASSES),
            self.counts: drawing.counts_view(data),
            self.preview: drawing.sheet_view(sheet),
        }

    def open(self, workspace: Workspace, path: str, separator: str, encoding: str) -> Updates:
        """Open what was uploaded, with its likeliest columns."""
        sheet = workspace.open(Path(path), Path(path).name, separator=separator, encoding=encoding)
        return self._use_likeliest(workspace, sheet.text_column, sheet.label_column)

    def reread(self, workspace: Workspace, separator: str, encoding: str) -> Updates:
        """Read the table again, as the fields say; the columns that were chosen stay chosen where they are there."""
        before = workspace.data
        if workspace.sheet is None:
            raise InputError("no table is open: choose a file first")
        sheet = workspace.open(workspace.sheet.path, workspace.sheet.name, separator=separator, encoding=encoding)
        text, label = sheet.text_column, sheet.label_column
        if before is not None and before.table.text_column in sheet.columns:
            text = before.table.text_column
            label = before.table.label_column if before.table.label_column in sheet.columns else label
        return self._use_likeliest(workspace, text, label)

    def use(self, workspace: Workspace, text: str, label: str) -> Updates:
        """Take the chosen columns."""
        workspace.use(text, "" if label == NO_CLASSES else label)
        return self._everywhere(workspace)

    def _use_likeliest(self, workspace: Workspace, text: str, label: str) -> Updates:
        """Take these columns; where they cannot be used, say why and let another be chosen."""
        try:
            workspace.use(text, label)
        except InputError as error:
            return {**self._everywhere(workspace), self.message: drawing.alert(error)}
        return self._everywhere(workspace)

    def _everywhere(self, workspace: Workspace) -> Updates:
        return {**self.show(workspace), **self.page.between.show(workspace), **self.page.write.show(workspace)}


class BetweenTab:
    """Step 2: two texts, and what lies between them."""

    def __init__(self, page: Host) -> None:
        self.page = page
        with gr.Tab("2 Between", id="between"):
            self.message = message_field()
            gr.HTML(
                '<p class="sx-soft">Two texts are mixed in the space of their meanings, and the mix is written down. '
                "<b>lam</b> is the weight of the first: at 1 the mix is the first text, at 0 the second.</p>"
            )
            with gr.Row(equal_height=False):
                self.label = class_field("Class")
                self.draw = gr.Button("Draw two texts", elem_classes="sx-beside")
            with gr.Row():
                self.first = gr.Textbox(label="First text (lam = 1)", lines=3, max_lines=8)
                self.second = gr.Textbox(label="Second text (lam = 0)", lines=3, max_lines=8)
            self.lam = gr.Slider(0, 1, 0.5, step=0.05, label="lam", info="Weight of the first text.")
            with gr.Row():
                self.go = gr.Button(f"Write {N_STEPS} texts between them", variant="primary")
                self.here = gr.Button("Write one where lam stands")
            self.line = gr.HTML()
            self.map = gr.HTML()
            self.fields = Fields(page.visitors.form.options, without=_IDLE)
        self.outputs = [self.message, self.label, self.first, self.second, self.line, self.map]

    def connect(self) -> None:
        """Say what each field does."""
        written = [self.message, self.line, self.map]
        inputs = [self.first, self.second, self.lam, self.label, *self.fields.components]
        self.page.on(self.draw.click, self.pick, [self.label], [self.message, self.first, self.second])
        self.page.on(self.go.click, self.write, inputs, written, show_progress="minimal", show_progress_on=[self.line])
        self.page.on(
            self.here.click, self.write_one, inputs, written, show_progress="minimal", show_progress_on=[self.line]
        )
        self.page.on(self.lam.change, self.mark, [self.lam], [self.message, self.line], trigger_mode="always_last")

    def show(self, workspace: Workspace) -> Updates:
        """Return the tab as the workspace has it."""
        line = workspace.line
        ends = {} if line is None else {self.first: line.first, self.second: line.second}
        return {self.label: class_choices(workspace), self.line: drawing.line_view(line, 0.5), self.map: "", **ends}

    def pick(self, workspace: Workspace, label: str) -> Updates:
        """Draw two texts of a class."""
        texts = list(dict.fromkeys(self._texts(workspace, label)))
        if len(texts) < 2:
            raise InputError(f"class {label!r} has {len(texts)} different texts: two are needed")
        first, second = random.sample(texts, 2)
        return {self.first: first, self.second: second}

    def write(self, workspace: Workspace, first: str, second: str, lam: float, label: str, *given: Any) -> Updates:
        """Write all steps between the two texts."""
        return self._write(workspace, first, second, None, lam, label, given)

    def write_one(self, workspace: Workspace, first: str, second: str, lam: float, label: str, *given: Any) -> Updates:
        """Write the text where the slider stands."""
        return self._write(workspace, first, second, lam, lam, label, given)

    def mark(self, workspace: Workspace, lam: float) -> Updates:
        """Mark the text that is nearest to where the slider stands."""
        return {self.line: drawing.line_view(workspace.line, lam)}

    def _write(
        self, workspace: Workspace, first: str, second: str, at: float | None, lam: float, label: str, given: Any
    ) -> Updates:
        values = self.fields.values(given)
        line = workspace.write_between(first or "", second or "", at, values)
        around = self._texts(workspace, label) if workspace.data is not None and label else []
        chart, share = line_map(line, around, workspace.form.sampler(values), workspace.turns)
        n_around = sum(len(trace["x"]) for trace in chart.data if "of the class" in trace["name"])
        return {self.line: drawing.line_view(line, lam), self.map: drawing.map_view(chart, share, n_around)}

    def _texts(self, workspace: Workspace, label: str) -> list[str]:
        if workspace.data is None:
            raise InputError("no table is open: choose a file in step 1, or write two texts yourself")
        return workspace.data.texts_of(workspace.data.label_of(label or ""))
