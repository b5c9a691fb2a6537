"""Is the check of languages silent on English? What it finds in each English set and in each class, and its seconds.

::

    python experiments/languages.py
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from common import DATA, clear_errors, load_set
from labelled_sets import REPORT, TUNE

from smotext.data.languages import ENGLISH, find_languages, foreign_note


def main() -> None:
    """Print a line for each set: shares of languages, notes on the set or a class of it, seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with scikit_learn_data/ and labelled/")
    given = parser.parse_args()
    with clear_errors():
        for name in (*TUNE, *REPORT):
            rows, _ = load_set(given.data, name)
            texts = list(rows.texts)
            started_s = time.process_time()
            shares = find_languages(texts)
            seconds = time.process_time() - started_s
            of_class = {label: [] for label in rows.counts}
            for text, label in zip(texts, rows.labels, strict=True):
                of_class[label].append(text)
            notes = [note for some in (texts, *of_class.values()) for note in foreign_note(some, [ENGLISH])]
            print(json.dumps({"set": name, "shares": shares, "notes": notes, "seconds": round(seconds, 2)}))


if __name__ == "__main__":
    main()
