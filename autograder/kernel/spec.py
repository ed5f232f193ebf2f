"""The learner's kernelspec, as every notebook of the course names it. Run as a module, it installs itself."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

NAME = "sequence-course"
DISPLAY_NAME = "Sequence course (GPU if present)"


def kernelspec() -> dict[str, Any]:
    """The content of kernel.json: ipykernel's, started by our launcher with this very interpreter."""
    from ipykernel.kernelspec import get_kernel_dict, make_ipkernel_cmd

    argv = make_ipkernel_cmd("autograder.kernel.launch", sys.executable)
    return {**get_kernel_dict(), "argv": argv, "display_name": DISPLAY_NAME}


def notebook_metadata() -> dict[str, Any]:
    """What a notebook's metadata say of its kernel."""
    return {
        "kernelspec": {"display_name": DISPLAY_NAME, "language": "python", "name": NAME},
        "language_info": {"name": "python"},
    }


def install(prefix: str | None = None) -> Path:
    """Install the kernelspec under `prefix` (this environment, unless told otherwise); returns its folder."""
    from jupyter_client.kernelspec import KernelSpecManager

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "kernel.json").write_text(json.dumps(kernelspec(), indent=1) + "\n", encoding="utf-8")
        return Path(KernelSpecManager().install_kernel_spec(folder, NAME, prefix=prefix or sys.prefix))


def installed() -> Path | None:
    """The folder of the kernelspec that Jupyter would use, if it starts this interpreter; else None."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        found = KernelSpecManager().get_kernel_spec(NAME)
    except NoSuchKernel:
        return None
    same = found.argv and Path(found.argv[0]) == Path(sys.executable)
    return Path(found.resource_dir) if same else None


if __name__ == "__main__":
    print(f"Kernelspec: {install()}")
