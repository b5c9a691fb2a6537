"""``smotext app``: a page in the browser to look at a table, write texts for it, and read them before they are used."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

import typer

from smotext.cli.exit_codes import INTERRUPTED
from smotext.cli.options import Encoding, MethodOptions, Separator, takes
from smotext.cli.privacy_options import PrivacyOptions
from smotext.cli.screen import print_notes
from smotext.settings import declared_options

if TYPE_CHECKING:
    from smotext.app.forms import Option

# These are asked for once, when the page is started.
_ASKED_HERE = ("model", "device", "dtype", "batch_size")


_DECLARED = declared_options()


def _declared(name: str) -> Any:
    """Return an option with the help that the method declares for it; the page's few options stand in one list."""
    return typer.Option(help=_DECLARED[name].metadata["help"])


@dataclass(frozen=True)
class AppOptions:
    """Where the page is served, and with which model."""

    text_column: Annotated[str | None, typer.Option(help="Column of the texts; guessed unless given.")] = None
    label_column: Annotated[str | None, typer.Option(help="Column of the classes; guessed unless given.")] = None
    separator: Separator = None
    encoding: Encoding = None
    model: Annotated[str, _declared("model")] = MethodOptions.model
    device: Annotated[str | None, _declared("device")] = MethodOptions.device
    dtype: Annotated[str | None, _declared("dtype")] = MethodOptions.dtype
    batch_size: Annotated[int | None, _declared("batch_size")] = MethodOptions.batch_size
    port: Annotated[int | None, typer.Option(help="Port to serve at; the first free one from 7860 unless given.")] = (
        None
    )
    share_on_network: Annotated[
        bool,
        typer.Option("--share-on-network", help="Let others on the network use it, with a password that is shown."),
    ] = False
    open: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("app")(serve)


@takes(options=AppOptions)
def serve(
    options: AppOptions,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Table to begin with; another can be chosen on the page.")
    ] = None,
) -> int:
    """Serve a page to try the method on a table: on this machine alone, nothing leaves it."""
    from smotext.app.server import address_on_network, check_gradio, prepare, private_folder, run
    from smotext.app.sheets import open_sheet, read_data
    from smotext.data.remote_tables import local_table, table_name
    from smotext.presets import decoder_directory

    check_gradio()
    form = make_form(options)
    # It says now what is wrong with the options, and then, not in the middle of a run, that there is no such model.
    form.sampler({})
    if options.model != "echo":
        decoder_directory(options.model)
    sheet, columns = None, None
    if file is not None:
        sheet = open_sheet(local_table(file), table_name(file), separator=options.separator, encoding=options.encoding)
        columns = (options.text_column or sheet.text_column, options.label_column or sheet.label_column)
        read_data(sheet, *columns)
    with private_folder():
        served = prepare(form, sheet=sheet, columns=columns, port=options.port, is_shared=options.share_on_network)
        here = f"http://127.0.0.1:{served.port}/"
        print_notes(f"smotext app is at {here} (Ctrl-C ends it)")
        if served.password is not None:
            print_notes(
                f"on the network: http://{address_on_network()}:{served.port}/",
                f"password: {served.password} (any user name)",
                "the network's own traffic is not encrypted: share it with people and networks that you trust",
            )
        if options.open:
            import webbrowser

            webbrowser.open(here)
        with contextlib.suppress(KeyboardInterrupt):
            run(served)
    print_notes("smotext app has ended; what was uploaded is deleted")
    return INTERRUPTED


def make_form(options: AppOptions) -> Any:
    """Return the options that the page asks for, in the words of the command line."""
    from smotext.app.forms import Form
    from smotext.cli.augment_job import make_sampler, set_privacy

    def hide(sampler: Any, values: dict[str, Any], labels: Any) -> None:
        kind = None if values["privacy"] in (None, "none") else values["privacy"]
        set_privacy(sampler, PrivacyOptions(**{**values, "privacy": kind}), labels)

    fixed = {name: getattr(options, name) for name in _ASKED_HERE}
    return Form(
        _options_of(MethodOptions, without=_ASKED_HERE),
        lambda values: make_sampler(MethodOptions(**values)),
        fixed,
        # A file on the machine of the server is nothing that a visitor of the page can name.
        _options_of(PrivacyOptions, without=("public_examples",)),
        hide,
    )


def _options_of(group: Any, *, without: Sequence[str]) -> list[Option]:
    """Return the options of a group as the page asks for them."""
    from smotext.app.forms import Option

    hints = get_type_hints(group, include_extras=True)
    asked = []
    for field in fields(group):
        if field.name in without:
            continue
        kind, told = get_args(hints[field.name])[:2]
        plain = next(part for part in (*get_args(kind), kind) if part is not type(None) and isinstance(part, type))
        default = None if field.default is MISSING else field.default
        asked.append(Option(field.name, plain, default, told.help or ""))
    return asked
