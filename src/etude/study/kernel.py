"""The kernel that notebooks run in: always this interpreter, whatever a machine calls `python3`."""

import os
from pathlib import Path
from uuid import uuid4

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.paths import jupyter_runtime_dir
from traitlets import default


class ThisInterpreter(AsyncKernelManager):
    """A kernel manager that looks into no folder for kernels: what remains is ipykernel's own, of `sys.executable`.

    It talks over sockets in the file system where there are some, under a name of its own, so that kernels that start
    at the same moment cannot be given the same port.
    """

    @default("connection_file")
    def _own_file(self) -> str:
        return str(Path(jupyter_runtime_dir()) / f"k-{uuid4().hex[:12]}.json")

    @default("kernel_spec_manager")
    def _native_only(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[], parent=self)

    @default("transport")
    def _local_transport(self) -> str:
        return "ipc" if os.name == "posix" else "tcp"
