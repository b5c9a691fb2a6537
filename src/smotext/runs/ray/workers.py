"""Workers on a Ray cluster: the same callable in each of them.

Nothing here knows what the work is. Ray Data feeds a pool of actors, starts a new one for one that died and gives
it the dead one's items; whoever asked for the work gets each result as soon as it is there.
"""

from __future__ import annotations

import os
import pickle
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from smotext import __version__
from smotext.errors import RunError, RunStopped, SmotextError

if TYPE_CHECKING:
    import pyarrow as pa

# An item that was being worked on when so many workers died is likely to be the cause.
MOST_ATTEMPTS = 3
# Threads of Ray Data that end by themselves. Its Prefetcher waits for ever, and nothing need wait for it.
_RAY_DATA_THREADS = ("StreamingExecutor", "iter_threaded", "ray-data")
# A worker's process ends within seconds; after so many we go on without it.
_END_S = 120

# A number to know the item by, and the arguments of the work.
Item: TypeAlias = tuple[int, tuple[Any, ...]]
# Ray's name of a machine, and the number of the process there.
WorkerAddress: TypeAlias = tuple[str, int]


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
    place: WorkerAddress = ("", 0)

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
    _earlier: set[WorkerAddress] = field(default_factory=set, repr=False, compare=False)

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
            # The iterator goes before its threads are waited for: they run as long as somebody may ask for more.
            del tables
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

    def __init__(self, work: bytes, version: str, register: Any, earlier: Sequence[WorkerAddress] = ()) -> None:
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
        # Signal 0 only asks whether the process is there.
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # By now another user's process has the number.
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
    if isinstance(error, SmotextError) and not isinstance(error, RunStopped):
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


def _on_this_machine() -> Any:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
