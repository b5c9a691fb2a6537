"""To the hub: the card is written beside what is pushed first, so that there is one whatever the network does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from smotext.errors import InputError, RunError
from smotext.utils.files import atomic_write

if TYPE_CHECKING:
    import pandas as pd
    from huggingface_hub import RepoCard

# What the name of a data set's card has behind its file's.
CARD = ".card.md"
# What is a bridge's own; nothing else that lies in its directory is published.
_OF_BRIDGES = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja", "README.md", "LICENSE*"]
# The hub's patterns match across folders, and a bridge has none.
_OF_FOLDERS = ["*/*"]


class Api(Protocol):
    """What is asked of the hub: a part of :class:`huggingface_hub.HfApi`."""

    def create_repo(self, repo_id: str, *, repo_type: str, private: bool, exist_ok: bool) -> Any:
        """Make the repository, or find it there."""
        ...

    def upload_file(self, *, path_or_fileobj: Any, path_in_repo: str, repo_id: str, repo_type: str) -> Any:
        """Put one file into it."""
        ...

    def upload_folder(
        self, *, folder_path: Path, repo_id: str, repo_type: str, allow_patterns: list[str], ignore_patterns: list[str]
    ) -> Any:
        """Put a folder into it."""
        ...


def write_card(card: RepoCard, what: Path) -> Path:
    """Write a card beside a data set's file, or into a bridge's directory, and return where it is."""
    from smotext.presets import is_bridge

    target = what / "README.md" if what.is_dir() and is_bridge(what) else what.with_name(what.name + CARD)
    with atomic_write(target) as file:
        file.write(str(card).encode())
    return target


def check_repo(repo_id: str) -> None:
    """Raise InputError unless a name is one that the hub gives repositories."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise InputError(f"{repo_id!r} is no name of a repository: expected owner/name ({error})") from error
    if repo_id.count("/") != 1:
        raise InputError(f"{repo_id!r} is no name of a repository: expected owner/name")


def push_to_hub(
    what: Path,
    repo_id: str,
    card: RepoCard,
    *,
    frame: pd.DataFrame | None = None,
    is_public: bool = False,
    api: Api | None = None,
) -> str:
    """Push a data set or a bridge with its card, and return the repository's address.

    Parameters
    ----------
    what : Path
        The file that ``smotext augment`` wrote, or the directory of a bridge.
    repo_id : str
        ``owner/name``; made if it is not there.
    card : RepoCard
        From :func:`data_card` or :func:`bridge_card`; written beside `what` first.
    frame : DataFrame, optional
        The rows of a data set that are pushed, as Parquet. The lineage never is.
    is_public : bool
        Whether everybody sees a repository that is made; one that is there stays as it is.
    api : Api, optional
        The hub; None: the user's own account.

    Raises
    ------
    InputError
        If the name is none of a repository.
    RunError
        If the hub did not take it; the card is written in any case.
    """
    check_repo(repo_id)
    place = write_card(card, what)
    if api is None:
        from huggingface_hub import HfApi

        api = HfApi()
    kind = "model" if frame is None else "dataset"
    try:
        api.create_repo(repo_id, repo_type=kind, private=not is_public, exist_ok=True)
        if frame is None:
            api.upload_folder(
                folder_path=what, repo_id=repo_id, repo_type=kind, allow_patterns=list(_OF_BRIDGES),
                ignore_patterns=list(_OF_FOLDERS),
            )  # fmt: skip
        else:
            _push_rows(api, frame, repo_id)
            api.upload_file(
                path_or_fileobj=str(card).encode(), path_in_repo="README.md", repo_id=repo_id, repo_type=kind
            )
    except Exception as error:
        # Of the HTTP client of the day: no network, no account, no right.
        why = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise RunError(
            f"the hub did not take {repo_id} ({type(error).__name__}: {why}): log in with `hf auth login`, unset "
            f"HF_HUB_OFFLINE, and try again; the card is at {place}"
        ) from error
    return f"https://huggingface.co/{'datasets/' if kind == 'dataset' else ''}{repo_id}"


def _push_rows(api: Api, frame: pd.DataFrame, repo_id: str) -> None:
    import io

    import pyarrow.parquet as pq

    from smotext.data.formats import to_arrow

    file = io.BytesIO()
    pq.write_table(to_arrow(frame), file)
    # Where datasets finds it without a script.
    name = "data/train-00000-of-00001.parquet"
    api.upload_file(path_or_fileobj=file.getvalue(), path_in_repo=name, repo_id=repo_id, repo_type="dataset")
