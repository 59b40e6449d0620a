"""The kernel that notebooks run in: always this interpreter, whatever a machine calls `python3`."""

import os
import tempfile
from pathlib import Path
from uuid import uuid4

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.paths import jupyter_runtime_dir
from traitlets import default

from etude.errors import EtudeError

LONGEST_SOCKET = 103  # bytes of the name of a socket, the end not counted: 107 on Linux, 103 on macOS
_OWN = len("/etude-12345678/k-123456789012-ipc-12345")  # what a kernel adds to the folder of its sockets


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


def folder_for_sockets() -> str:
    """Return a folder for temporary files whose name leaves room for that of a socket; `TMPDIR`, where it does.

    Raises
    ------
    EtudeError
        There is none.
    """
    wanted = tempfile.gettempdir()
    for folder in (wanted, os.environ.get("XDG_RUNTIME_DIR") or wanted, "/tmp", "/var/tmp", "/dev/shm"):
        if len(os.fsencode(folder)) + _OWN <= LONGEST_SOCKET and _writable(folder):
            return folder
    room = f"a folder for temporary files with a name of at most {LONGEST_SOCKET - _OWN} bytes"
    raise EtudeError(room, f"{len(os.fsencode(wanted))} in {wanted}", "Set TMPDIR to a shorter folder.")


def _writable(folder: str) -> bool:
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True
