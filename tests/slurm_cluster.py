"""A Slurm cluster of two nodes on this machine, for a test: root and Debian's slurm-wlm and munge are needed.

Everything that it writes lies in one folder; everything that it starts is ended by process id, jobs first.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "srun")
NODES = ("n1", "n2")
SILENCE = 15  # seconds after which a node that says nothing is down
CONFIGURATION = """\
ClusterName=etude
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=20
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout={silence}
KillWait=5
MinJobAge=3600
MpiDefault=none
SchedulerParameters=sched_interval=5,bf_interval=5
NodeName=n[1-2] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[{first}-{last}] CPUs=1 RealMemory=8000
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Return why no cluster can be started here, "" where one can."""
    if os.name != "posix" or os.geteuid() != 0:
        return "a Slurm of its own needs root"
    return "" if all(map(_program, PROGRAMS)) else "a Slurm of its own needs Debian's slurm-wlm and munge"


def _program(name: str) -> str:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or ""


class Cluster:
    """The cluster: `with Cluster(folder) as cluster`; `cluster.environment` is what its users need.

    Parameters
    ----------
    folder : Path
        An empty one of a short name (that of a socket may have 107 bytes).
    """

    def __init__(self, folder: Path):
        self.folder, self.daemons = folder, {}
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
        self.environment["PATH"] = f"{folder}/bin:{os.environ.get('PATH', '')}:/usr/sbin:/sbin"

    def __enter__(self) -> Cluster:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        (self.folder / "munge.key").write_bytes(os.urandom(128))
        (self.folder / "munge.key").chmod(0o600)
        for part in ("state", "bin"):
            (self.folder / part).mkdir()
        srun = self.folder / "bin" / "srun"  # inside a job Snakemake takes SLURM_CONF away: clusters have it in /etc
        srun.write_text(
            f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {_program("srun")} "$@"\n', encoding="utf-8"
        )
        srun.chmod(0o755)
        control, first, last = _free_ports()
        said = {"folder": self.folder, "host": socket.gethostname(), "port": control, "first": first, "last": last}
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(**said, silence=SILENCE), encoding="utf-8")
        munge = [f"--{name}={self.folder}/munge.{name.split('-')[0]}" for name in ("key-file", "pid-file", "log-file")]
        self._daemon("munged", "--foreground", "--force", f"--socket={self.folder}/munge.socket", *munge,
                     f"--seed-file={self.folder}/munge.seed")  # fmt: skip
        until((self.folder / "munge.socket").exists, 20)
        self._daemon("slurmctld", "-D", "-c")
        for node in NODES:
            (self.folder / f"spool-{node}").mkdir()
            self.start_node(node)
        until(lambda: self._says("sinfo", "-h", "-o", "%D %t").strip() == "2 idle", 60)

    def start_node(self, node: str) -> None:
        """Start a node, or start it again."""
        self._daemon("slurmd", "-D", "-N", node, name=node)

    def stop_node(self, node: str) -> int:
        """End a node and all that runs on it as a cut of its power would; return how many processes ran."""
        daemon, below = self.daemons.pop(node), [psutil.Process(pid) for pid in self._below(node)]
        below.sort(
            key=lambda process: not process.name().startswith("slurmstepd")
        )  # they would tell of the others' end
        for process in [daemon, *below]:
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                process.send_signal(signal.SIGKILL)
        daemon.wait()
        return len(below)

    def jobs(self) -> str:
        """Return the jobs of the cluster, a line each: id, state, node."""
        return self._says("squeue", "-h", "-t", "all", "-o", "%i %T %N")

    def __exit__(self, *_) -> None:
        if "slurmctld" in self.daemons:
            subprocess.run(["scancel", "--user=root"], env=self.environment, capture_output=True, timeout=30)
            time.sleep(1)
        for daemon in reversed(list(self.daemons.values())):
            daemon.terminate()
        for daemon in self.daemons.values():
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
        for process in self._ours():
            process.kill()

    def _daemon(self, program: str, *arguments: str, name: str = "") -> None:
        log = (self.folder / f"{name or program}.out").open("ab")
        self.daemons[name or program] = subprocess.Popen(
            [_program(program), *arguments],
            env=self.environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _says(self, *command: str) -> str:
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=30).stdout

    def _below(self, node: str) -> set[int]:
        """Return the processes of jobs on a node, and Slurm's own above them."""
        found = set()
        for process in self._ours():
            if process.environ().get("SLURMD_NODENAME") == node:
                above = [p for p in process.parents() if p.name().startswith("slurmstepd")]
                found |= {process.pid, *(p.pid for p in above)}
        return found

    def _ours(self) -> Iterator[psutil.Process]:
        """Yield the processes that belong to this cluster, by their environment; none that this test runs in."""
        mine = {os.getpid(), *(process.pid for process in psutil.Process().parents())}
        for process in psutil.process_iter():
            try:
                ours = process.environ().get("SLURM_CONF") == self.environment["SLURM_CONF"]
            except (psutil.Error, OSError):
                continue
            if ours and process.pid not in mine:
                yield process

    def left(self) -> list[str]:
        """Return what of the cluster still runs: nothing, once it has been left."""
        return [f"{process.pid} {process.name()}" for process in self._ours()]


def _free_ports() -> tuple[int, int, int]:
    """Return a free port, and two free ones in a row."""
    for control in range(17000, 60000, 3):
        try:
            for port in range(control, control + 3):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return control, control + 1, control + 2
        except OSError:
            continue
    raise RuntimeError("no three free ports in a row")


def until(condition: Callable[[], object], seconds: float) -> None:
    """Wait for something."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)
