"""Exit codes, and the form of a message.

=====  ==================================================================
code   meaning
=====  ==================================================================
0      done
1      failed
2      bad input: the data, an option, a missing package, a broken bridge
3      stopped by a cap, with partial output
130    Ctrl-C
=====  ==================================================================
"""

from __future__ import annotations

import sys

from smotext.errors import BridgeError, CapReached, InputError, MissingExtraError, RunStopped, SmotextError

DONE, FAILED, BAD_INPUT, CAPPED, INTERRUPTED = 0, 1, 2, 3, 130


def code_of(error: SmotextError) -> int:
    """Return the exit code that stands for an error."""
    if isinstance(error, InputError | MissingExtraError | BridgeError):
        return BAD_INPUT
    if isinstance(error, RunStopped):
        return CAPPED if isinstance(error, CapReached) else INTERRUPTED
    return FAILED


def print_line(kind: str, message: str) -> None:
    """Print ``kind: message`` on stderr as one line, whatever the width of the terminal."""
    sys.stderr.write(f"{kind}: {' '.join(message.split())}\n")
    sys.stderr.flush()
