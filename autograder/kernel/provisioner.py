"""Sandboxed kernels for any Jupyter client: a kernel provisioner, named `course-sandbox` in a kernelspec's metadata.

    {"argv": ["python"], "language": "python", "display_name": "Sequence course (sandboxed)",
     "metadata": {"kernel_provisioner": {"provisioner_name": "course-sandbox"}}}

One warm process serves all the kernels of a Jupyter process.
"""

from __future__ import annotations

import asyncio
import atexit
import signal
from functools import cache
from typing import Any

from jupyter_client.provisioning import KernelProvisionerBase

from autograder.kernel.sandbox import Kernel, Sandbox


@cache
def shared_sandbox() -> Sandbox:
    """The sandbox of this process, started at first need and ended with it."""
    sandbox = Sandbox()
    atexit.register(sandbox.close)
    return sandbox


class SandboxProvisioner(KernelProvisionerBase):  # type: ignore[misc]
    """Starts each kernel as a fork of the warm process inside bubblewrap."""

    kernel: Kernel | None = None
    status: int | None = None

    @property
    def has_process(self) -> bool:
        """Has a kernel been started and not yet cleaned up?"""
        return self.kernel is not None

    async def poll(self) -> int | None:
        """None while it runs, else its exit status (1 where the sandbox only knows that it ended)."""
        if self.kernel is None or not shared_sandbox().ended(self.kernel.id):
            return None if self.kernel is not None else self.status or 0
        self.status = 1
        return self.status

    async def wait(self) -> int | None:
        """Wait until it has ended."""
        while await self.poll() is None:
            await asyncio.sleep(0.02)
        if self.kernel is not None:
            shared_sandbox().forget(self.kernel.id)
            self.kernel = None
        return self.status

    async def send_signal(self, signum: int) -> None:
        """Send it a signal."""
        if self.kernel is not None:
            shared_sandbox().signal(self.kernel.id, signum)

    async def kill(self, restart: bool = False) -> None:
        """Kill it."""
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        """A sandboxed kernel keeps nothing worth a goodbye."""
        await self.send_signal(signal.SIGKILL)

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Nothing of the client's environment enters the sandbox, so there is no command to prepare."""
        return {**kwargs, "cmd": []}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict[str, Any]:
        """Fork a kernel; its sockets are `ipc` ones. Raises NoSandbox where there is no sandbox."""
        sandbox = shared_sandbox()
        self.kernel = await asyncio.to_thread(sandbox.fork)
        self.kernel.client.close()
        ports = {f"{name}_port": i for i, name in enumerate(("shell", "iopub", "stdin", "control", "hb"), 1)}
        self.connection_info = {
            "transport": "ipc", "ip": self.kernel.path, "key": self.kernel.key.encode(),
            "signature_scheme": "hmac-sha256", "kernel_name": self.kernel_spec.display_name, **ports,
        }
        return dict(self.connection_info)

    async def cleanup(self, restart: bool = False) -> None:
        """Nothing is left behind outside the sandbox."""
