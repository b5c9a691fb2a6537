"""How many processes train together, and which one this is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta

import torch

from smotext.errors import missing_extra
from smotext.utils.devices import default_device, find_device

# The other processes wait so long while one cuts and encodes the corpus; NCCL's own limit is 10 minutes.
_PATIENCE = timedelta(days=1)


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of a run, as ``accelerate launch`` or ``torchrun`` started them; one by default."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def is_main(self) -> bool:
        """True in the process that writes files."""
        return self.rank == 0

    def add_up(self, tensors: list[torch.Tensor]) -> None:
        """Replace each tensor by its sum over the processes."""
        if self.size > 1:
            flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
            torch.distributed.all_reduce(flat)
            for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
                tensor.copy_(part.view_as(tensor))

    def agree(self, number: float) -> float:
        """Return the main process's `number` in every process: clocks differ, and what follows from them must not."""
        if self.size == 1:
            return number
        shared = torch.tensor([number], dtype=torch.float64, device=self.device)
        torch.distributed.broadcast(shared, src=0)
        return float(shared)

    def wait(self) -> None:
        """Return when every process has come here."""
        if self.size > 1:
            torch.distributed.barrier()


def join_process_group(device: str | None = None) -> ProcessGroup:
    """Return this process's place; several processes are joined through accelerate.

    Parameters
    ----------
    device : str or None
        None: a GPU if there is one, else the CPU.

    Raises
    ------
    InputError
        For a device that torch does not know or cannot use here.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        try:
            from accelerate import PartialState
        except ImportError as error:
            raise missing_extra("accelerate", "train", "training with several processes") from error
        state = PartialState(cpu=device == "cpu", timeout=_PATIENCE)
        return ProcessGroup(state.process_index, state.num_processes, str(state.device))
    return ProcessGroup(device=str(find_device(device or default_device())))
