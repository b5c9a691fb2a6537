"""A Ray cluster: reach it, size the workers for its machines, and leave it."""

from __future__ import annotations

import importlib.util
import logging
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from smotext.errors import InputError, RunError, missing_extra
from smotext.runs.ray.workers import Workers

# smotext.utils.parallel makes use of so many threads; more would only wait.
CPUS_PER_WORKER = 8
# Items that wait for a worker take up at most this share of the machine's object store.
_SHARE_OF_STORE = 0.25
# Items are in this process's memory as well for a moment, hence a limit in bytes.
_MOST_WAVE_BYTES = 8 * 2**30
# So many seconds we wait for a cluster. Ray itself would wait for minutes and then end the process.
_REACH_S = 5


def size_workers(
    nodes: Sequence[Mapping[str, float]], *, n: int | None = None, device: str | None = None, wave_bytes: int = 2**20
) -> Workers:
    """Return the workers for a cluster: one per GPU, or one per eight CPUs where there is none.

    Parameters
    ----------
    nodes : sequence of mapping
        ``"CPU"`` and ``"GPU"`` of each machine.
    n : int, optional
        How many workers instead; on CPUs they then share what there is.
    device : {"cpu", "cuda"}, optional
        None takes GPUs if there are any.
    wave_bytes : int
        As of :class:`Workers`.

    Raises
    ------
    InputError
        If the cluster has no such device, or too few for `n` workers.

    Examples
    --------
    >>> size_workers([{"CPU": 32, "GPU": 4}, {"CPU": 32, "GPU": 4}])
    Workers(n=8, n_cpus=1, n_gpus=1, wave_bytes=1048576)
    >>> size_workers([{"CPU": 20}]).n, size_workers([{"CPU": 20}], n=4).n_cpus
    (2, 5)
    """
    if device not in (None, "cpu", "cuda"):
        raise InputError(
            f"device is {device!r}: on a Ray cluster expected cpu or cuda, each worker has its own GPU",
            options=["device"],
        )
    if n is not None and n < 1:
        raise InputError(f"workers is {n}: expected 1 or more", options=["workers"])
    n_gpus = sum(int(node.get("GPU", 0)) for node in nodes)
    if device == "cuda" or (device is None and n_gpus):
        if not n_gpus:
            raise InputError(
                "device is cuda, and the cluster has no GPU: add a machine that has, or use cpu", options=["device"]
            )
        _check_number(n or 1, n_gpus, "GPU")
        return Workers(n or n_gpus, n_cpus=1, n_gpus=1, wave_bytes=wave_bytes)
    cpus = [int(node.get("CPU", 0)) for node in nodes]
    if not any(cpus):
        raise InputError("the cluster has no CPU to work on: start it with --num-cpus of 1 or more")
    _check_number(n or 1, sum(cpus), "CPU")
    if n is None:
        size = min(CPUS_PER_WORKER, max(cpus))
        return Workers(_n_that_fit(cpus, size), size, wave_bytes=wave_bytes)
    size = next(size for size in range(max(cpus), 0, -1) if _n_that_fit(cpus, size) >= n)
    return Workers(n, size, wave_bytes=wave_bytes)


def _n_that_fit(cpus: Sequence[int], size: int) -> int:
    return sum(there // size for there in cpus)


def _check_number(n: int, n_there: int, what: str) -> None:
    if n > n_there:
        raise InputError(
            f"workers is {n} and the cluster's number of {what}s {n_there}: expected one each at least",
            options=["workers"],
        )


def check_ray() -> None:
    """Raise MissingExtraError if Ray is not installed; imports nothing."""
    if importlib.util.find_spec("ray") is None:
        raise missing_extra("ray", "ray", "a run on a Ray cluster")


@contextmanager
def connected(address: str | None = None, *, n: int | None = None, device: str | None = None) -> Iterator[Workers]:
    """Give the workers of a cluster, and leave it at the end; a process that is connected already stays so.

    Parameters
    ----------
    address : str, optional
        ``"auto"`` or ``"HOST:PORT"`` of a cluster that this machine belongs to. None: that of the environment
        variable ``RAY_ADDRESS``, else a cluster of this machine alone, which ends with the block.
    n, device
        As for :func:`size_workers`.

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    RunError
        If the cluster cannot be reached.
    """
    check_ray()
    for name, value in (("RAY_USAGE_STATS_ENABLED", "0"), ("RAY_BACKEND_LOG_LEVEL", "fatal")):
        # Ray reads these when it starts.
        os.environ.setdefault(name, value)
    import ray

    was_connected = ray.is_initialized()
    if not was_connected:
        _connect(choose_address(address))
    try:
        _silence_ray_data()
        nodes = [node for node in ray.nodes() if node["Alive"]]
        here = next(node for node in nodes if node["NodeID"] == ray.get_runtime_context().get_node_id())
        share = int(_SHARE_OF_STORE * here["Resources"]["object_store_memory"])
        resources = [node["Resources"] for node in nodes]
        yield size_workers(resources, n=n, device=device, wave_bytes=min(share, _MOST_WAVE_BYTES))
    finally:
        if not was_connected:
            ray.shutdown()


def choose_address(address: str | None) -> str:
    """Return the address given, else that of ``RAY_ADDRESS``, else ``"local"``."""
    return address or os.environ.get("RAY_ADDRESS") or "local"


def _connect(address: str) -> None:
    import ray

    _check_address(address)
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if address == "local":
        options["include_dashboard"] = False
    try:
        with _without_stderr():
            ray.init(address=address, **options)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise RunError(
            f"cannot reach the Ray cluster at {address}: {error}: see that Ray and Python are the cluster's, and "
            "RAY_AUTH_MODE=token is set where the cluster wants a token"
        ) from error


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Silence what Ray's C++ part says while it starts, of the very log level that keeps it silent afterwards."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _check_address(address: str) -> None:
    """Raise if the address is of no form that works, or if nobody listens there."""
    host, _, port = address.rpartition(":")
    if address in ("auto", "local"):
        return
    if "/" in address or not (host and port.isdigit()):
        raise InputError(
            f"address is {address!r}: expected auto or HOST:PORT, on a machine that belongs to the cluster "
            "(ray start --address HOST:PORT)",
            options=["address"],
        )
    try:
        socket.create_connection((host, int(port)), timeout=_REACH_S).close()
    except OSError as error:
        raise RunError(f"nobody listens at {address} ({error}): start the cluster by ray start --head") from error


def _silence_ray_data() -> None:
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
