"""Starts the learner's kernel: choose the device, then hand over to ipykernel.

The choice comes before torch and without starting CUDA here, so that a lesson may still fork (data loaders do).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def announce() -> str:
    """Choose the device for this process and say which; shown in the server's log and a console's banner."""
    from autograder.device import claim_gpu

    gpu = claim_gpu(os.environ)
    if gpu is not None:
        return f"Sequence course on the GPU {gpu.name}, {gpu.free} of {gpu.total} MiB free."
    if os.environ.get("COURSE_DEVICE") == "cpu":
        return "Sequence course on the CPU."
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return f"Sequence course on CUDA_VISIBLE_DEVICES={os.environ['CUDA_VISIBLE_DEVICES']}."
    return "Sequence course on the CPU: no GPU found."


def main() -> None:
    """Run the kernel until it is shut down."""
    # A learner's file beside the notebook must not replace a module of the library while the kernel starts; IPython
    # puts the folder back for the notebook's own imports.
    if sys.path and (not sys.path[0] or Path(sys.path[0]) == Path.cwd()):
        del sys.path[0]
    where = announce()
    print(where, file=sys.stderr, flush=True)
    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.launch_instance([*sys.argv[1:], f"--InteractiveShell.banner2={where}\n"])


if __name__ == "__main__":
    main()
