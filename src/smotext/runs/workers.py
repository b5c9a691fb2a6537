"""Workers on a Ray cluster: how many there are, and the same callable in each of them.

Nothing here knows what the work is. Ray Data feeds a pool of actors, starts a new one for one that died and gives
it the dead one's items; whoever asked for the work gets each result as soon as it is there.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import pickle
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from smotext import __version__
from smotext.errors import InputError, RunError, SmotextError, missing_extra

if TYPE_CHECKING:
    import pyarrow as pa

CPUS_PER_WORKER = 8  # more threads than smotext.parallel makes use of would wait
MOST_ATTEMPTS = 3  # an item that was at work in so many dying workers is their likely cause of death
_SHARE_OF_STORE = 0.25  # of this machine's object store, for items that wait
_MOST_WAVE_BYTES = 8 * 2**30  # they are in this process's memory too, for a moment
_REACH_S = 5  # to wait for a cluster; Ray itself waits for minutes and then exits
_RAY_DATA_THREADS = ("StreamingExecutor", "iter_threaded", "ray-data")  # its Prefetcher waits for ever and asks nothing
_END_S = 120  # to wait for a worker's process to end, which takes seconds

Item: TypeAlias = tuple[int, tuple[Any, ...]]  # a number to know it by, and what the work is called with
Place: TypeAlias = tuple[str, int]  # Ray's name of a machine, and the process there


@dataclass(frozen=True)
class Done:
    """An item of which no more is to be expected.

    Attributes
    ----------
    number : int
    result : object
        What the work returned; None if the item was given up.
    n_attempts : int
        How often a worker began it. More than ``MOST_ATTEMPTS``: given up, it seems to kill its workers.
    place : (str, int)
        Where it was done: machine and process.
    """

    number: int
    result: Any
    n_attempts: int
    place: Place = ("", 0)

    @property
    def is_given_up(self) -> bool:
        """True if each worker that began the item died."""
        return self.n_attempts > MOST_ATTEMPTS


@dataclass(frozen=True)
class Workers:
    """A pool of equal workers; its processes live while :meth:`map` is at work.

    Attributes
    ----------
    n : int
        Most workers at a time.
    n_cpus, n_gpus : int
        What each of them is given.
    wave_bytes : int
        Size of the items that are handed to the cluster together.

    Notes
    -----
    A worker begins when those of the call before, on the same machine, have ended: Ray gives their GPU away a
    little before their memory on it is free.
    """

    n: int
    n_cpus: int
    n_gpus: int = 0
    wave_bytes: int = 2**20
    _earlier: set[Place] = field(default_factory=set, repr=False, compare=False)

    @property
    def device(self) -> str:
        """``"cuda"`` or ``"cpu"``: where a worker's model belongs."""
        return "cuda" if self.n_gpus else "cpu"

    def map(self, work: Callable[..., Any], items: Iterable[Item]) -> Generator[Done, None, None]:
        """Yield ``work(*arguments)`` for each ``(number, arguments)``, in the order in which they are done.

        Parameters
        ----------
        work : callable
            Pickled once, unpickled once per worker: a model within it that is pickled as its name is loaded there.
        items : iterable of (int, tuple)
            Numbers are unique. Taken in waves, when the wave before is done.

        Raises
        ------
        SmotextError
            What the work raised first; an error of any other type becomes a RunError.
        """
        from ray import cloudpickle

        pickled = cloudpickle.dumps(work)
        for wave in in_waves(items, self.wave_bytes):
            yield from self._map_wave(pickled, wave)

    def ask(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Return ``work(*arguments)``, done by one worker.

        Raises
        ------
        RunError
            If the workers that tried it died.
        """
        with closing(self.map(work, [(0, arguments)])) as answers:
            return result_of(next(answers))

    def _map_wave(self, work: bytes, wave: list[dict[str, Any]]) -> Iterator[Done]:
        import ray
        import ray.data

        earlier = sorted(self._earlier)
        register = ray.remote(num_cpus=0, scheduling_strategy=_on_this_machine())(Register).remote()
        dataset = ray.data.from_items(wave, override_num_blocks=len(wave)).map_batches(
            Worker,
            fn_constructor_args=(work, __version__, register, earlier),
            batch_size=1,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=min(self.n, len(wave))),
            num_cpus=self.n_cpus,
            num_gpus=self.n_gpus,
        )
        batches: Iterable[Any] = dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
        before, tables = set(threading.enumerate()), iter(batches)
        try:
            for table in tables:
                for pickled in table["done"].to_pylist():
                    done = pickle.loads(pickled)
                    if isinstance(done, SmotextError):
                        raise done
                    self._earlier.add(done.place)
                    yield done
        except ray.exceptions.RayError as error:
            raise RunError(
                f"the cluster failed ({type(error).__name__}: {error}): see that every machine has the same smotext, "
                "Python and Ray; the same command goes on where it stopped"
            ) from error
        finally:
            if isinstance(tables, Generator):
                tables.close()
            del tables  # before its threads are waited for: they run as long as somebody may ask for more
            _wait_for_threads(set(threading.enumerate()) - before)


def _wait_for_threads(threads: Iterable[threading.Thread]) -> None:
    """Wait until Ray Data's own threads have ended.

    One that asks Ray for something after this process has left the cluster makes Ray end the process with exit
    code 1: after a cap, with nothing written.
    """
    until_s = time.monotonic() + _END_S
    for thread in threads:
        if thread.name.startswith(_RAY_DATA_THREADS):
            thread.join(max(0.0, until_s - time.monotonic()))


class Register:
    """An actor beside this process that counts how often each item was begun."""

    def __init__(self) -> None:
        self._n_attempts: Counter[int] = Counter()

    def begin(self, number: int) -> int:
        """Return how often the item was begun, this time included."""
        self._n_attempts[number] += 1
        return self._n_attempts[number]


class Worker:
    """An actor that unpickles the work with its first item, and does it for one item after another.

    Parameters
    ----------
    work : bytes
        The pickled callable.
    version : str
        Of the smotext that pickled it.
    register : actor handle
        A :class:`Register`.
    earlier : list of (str, int)
        Processes that must have ended before the work is unpickled, where they are on this machine.
    """

    def __init__(self, work: bytes, version: str, register: Any, earlier: Sequence[Place] = ()) -> None:
        self._pickled = work
        self._version = version
        self._register = register
        self._earlier = earlier
        self._work: Callable[..., Any] | None = None

    def __call__(self, table: pa.Table) -> pa.Table:
        """Return a table of one row, ``done``: a pickled :class:`Done`, or the error to raise."""
        import pyarrow as pa

        number, arguments = table["number"][0].as_py(), table["arguments"][0].as_py()
        return pa.table({"done": pa.array([pickle.dumps(self._do(number, arguments))], type=pa.large_binary())})

    def _do(self, number: int, arguments: bytes) -> Done | SmotextError:
        import ray

        place = (ray.get_runtime_context().get_node_id(), os.getpid())
        n_attempts = ray.get(self._register.begin.remote(number))
        if n_attempts > MOST_ATTEMPTS:
            return Done(number, None, n_attempts, place)
        try:
            if self._work is None:
                wait_for_end([process for machine, process in self._earlier if machine == place[0]])
                self._work = self._load()
            return Done(number, self._work(*pickle.loads(arguments)), n_attempts, place)
        except Exception as error:
            return portable(error)

    def _load(self) -> Callable[..., Any]:
        if self._version != __version__:
            raise RunError(f"smotext is {__version__} here and {self._version} where it was called: install one")
        return pickle.loads(self._pickled)


def wait_for_end(processes: Sequence[int], *, timeout_s: float = _END_S) -> None:
    """Return when the processes have ended.

    Raises
    ------
    RunError
        If one is alive after `timeout_s`.
    """
    until_s = time.monotonic() + timeout_s
    for process in processes:
        while _is_alive(process):
            if time.monotonic() > until_s:
                raise RunError(f"process {process}, a worker of the step before, does not end: end it, and try again")
            time.sleep(0.05)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)  # no signal: only asks
    except ProcessLookupError:
        return False
    except PermissionError:  # the number is another user's by now
        return False
    return True


def result_of(done: Done) -> Any:
    """Return what the work returned, or raise RunError if the item was given up."""
    if done.is_given_up:
        raise RunError(death_of(done))
    return done.result


def death_of(done: Done) -> str:
    """Return what is to be said of an item that was given up."""
    return f"{MOST_ATTEMPTS} workers died at it; out of memory is the likeliest reason"


def portable(error: Exception) -> SmotextError:
    """Return an error that any process can unpickle, and that says where it was raised.

    Examples
    --------
    >>> portable(ZeroDivisionError("by zero"))  # doctest: +ELLIPSIS
    RunError('ZeroDivisionError: by zero (on the worker ...)')
    """
    where = f"(on the worker {socket.gethostname()})"
    if isinstance(error, SmotextError):
        return type(error)(f"{error} {where}")
    return RunError(f"{type(error).__name__}: {error} {where}")


def in_waves(items: Iterable[Item], most_bytes: int) -> Iterator[list[dict[str, Any]]]:
    """Yield the items, their arguments pickled, in lists of about `most_bytes`.

    Examples
    --------
    >>> [len(wave) for wave in in_waves(((number, (bytes(100),)) for number in range(5)), 200)]
    [2, 2, 1]
    """
    wave: list[dict[str, Any]] = []
    n_bytes = 0
    for number, arguments in items:
        wave.append({"number": number, "arguments": pickle.dumps(arguments)})
        n_bytes += len(wave[-1]["arguments"])
        if n_bytes >= most_bytes:
            yield wave
            wave, n_bytes = [], 0
    if wave:
        yield wave


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
        raise InputError(f"--device is {device!r}: on a Ray cluster expected cpu or cuda, each worker has its own GPU")
    if n is not None and n < 1:
        raise InputError(f"--workers is {n}: expected 1 or more")
    n_gpus = sum(int(node.get("GPU", 0)) for node in nodes)
    if device == "cuda" or (device is None and n_gpus):
        if not n_gpus:
            raise InputError("--device is cuda, and the cluster has no GPU: add a machine that has, or use cpu")
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
        raise InputError(f"--workers is {n} and the cluster's number of {what}s {n_there}: expected one each at least")


def check_ray() -> None:
    """Raise MissingExtraError if Ray is not installed; imports nothing."""
    if importlib.util.find_spec("ray") is None:
        raise missing_extra("ray", "ray", "--engine ray")


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
        os.environ.setdefault(name, value)  # Ray reads them when it starts
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
            f"--address is {address!r}: expected auto or HOST:PORT, on a machine that belongs to the cluster "
            "(ray start --address HOST:PORT)"
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


def _on_this_machine() -> Any:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
