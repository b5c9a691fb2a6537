"""From arguments to an exit code: the one place where errors, warnings and Ctrl-C become lines on stderr."""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NoReturn

import typer

from smotext.cli.exit_codes import BAD_INPUT, DONE, FAILED, INTERRUPTED, code_of, print_line
from smotext.cli.wording import spell_options
from smotext.errors import SmotextError, SmotextWarning

COMMANDS = (
    "augment",
    "interpolate",
    "plan",
    "evaluate",
    "privacy",
    "report",
    "app",
    "push",
    "train",
    "bridges",
    "models",
    # Each is a module of this package.
)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; `arguments` are those of the process unless given."""
    code = run(sys.argv[1:] if arguments is None else list(arguments))
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _silence_stdout()
        code = code or FAILED
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Return the exit code of one command; every error has become one line on stderr."""
    _accept_any_character()
    command: Any = typer.main.get_command(build_app())
    with _plain_messages():
        try:
            result = command.main(args=arguments, prog_name="smotext", standalone_mode=False)
        except BrokenPipeError:
            # Whoever reads our output has left, so that there is nobody to tell anything to.
            _silence_stdout()
            return FAILED
        except Exception as error:
            return print_error(error)
    return result if isinstance(result, int) else DONE


def _show_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        print(version("smotext"))
        raise typer.Exit


def build_app() -> typer.Typer:
    """Return the app with every command whose module is there; modules load nothing heavy."""
    app = typer.Typer(
        name="smotext",
        help="SMOTE for text: mix two texts of a class in embedding space and let a language model write the result.",
        no_args_is_help=True,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for name in COMMANDS:
        if importlib.util.find_spec(f"smotext.cli.{name}") is not None:
            importlib.import_module(f"smotext.cli.{name}").register(app)
    for command in app.registered_commands:
        command.callback = _interruptible(command.callback)
    return app


def _interruptible(command: Any) -> Any:
    """Return the command with a line for a Ctrl-C that it does not speak of itself."""

    @functools.wraps(command)
    def guarded(*args: Any, **options: Any) -> Any:
        try:
            return command(*args, **options)
        except KeyboardInterrupt:
            print_line("stopped", "interrupted")
            return INTERRUPTED

    return guarded


def print_error(error: Exception) -> int:
    """Print the error as one line and return its exit code; ``SMOTEXT_DEBUG=1`` shows where it came from."""
    if os.environ.get("SMOTEXT_DEBUG"):
        traceback.print_exception(error)
    if hasattr(error, "format_message"):
        # A usage error; its class is click's or typer's own, by version.
        context = getattr(error, "ctx", None)
        hint = f": see {context.command_path} --help" if context is not None else ""
        message = error.format_message().rstrip(".")
        if message:
            # It is empty where the help was shown instead.
            print_line("error", message + hint)
        return BAD_INPUT
    if isinstance(error, SmotextError):
        print_line("error", spell_options(error))
        return code_of(error)
    print_line("error", f"{type(error).__name__}: {error} (SMOTEXT_DEBUG=1 shows where)")
    return FAILED


def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


@contextlib.contextmanager
def _plain_messages() -> Iterator[None]:
    """Show each of our warnings once, as one line; what packages warn of and log is for developers.

    ``SMOTEXT_DEBUG=1`` shows what is logged under the name ``smotext``, too.
    """
    seen: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        if str(message) not in seen:
            seen.add(str(message))
            print_line("warning", str(message))

    log_level = logging.root.manager.disable
    with warnings.catch_warnings():
        if not os.environ.get("SMOTEXT_DEBUG"):
            warnings.simplefilter("ignore")
            logging.disable(logging.WARNING)
        else:
            _show_log()
        warnings.simplefilter("always", SmotextWarning)
        warnings.showwarning = show
        try:
            yield
        finally:
            logging.disable(log_level)


def _show_log() -> None:
    log = logging.getLogger("smotext")
    if not log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s"))
        log.addHandler(handler)
    log.setLevel(logging.INFO)


def _accept_any_character() -> None:
    """Let a terminal that lacks a character show its code instead of failing, and a closed stream take anything."""
    # A closed stream is None.
    sys.stdout, sys.stderr = (stream or io.StringIO() for stream in (sys.stdout, sys.stderr))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _silence_stdout() -> None:
    """Point stdout nowhere, so that the interpreter's last flush does not fail."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
