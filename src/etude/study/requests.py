"""What was asked of `etude run`, kept with each job: the command that asks again, for one job alone, and the plan."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from etude.study.plan import Plan, make_plan


def arguments_of(request: Mapping, job_id: str = "") -> list[str]:
    """Return the arguments of `etude` that ask for a plan again, or for one job of it and what that needs.

    Parameters
    ----------
    request : mapping
        `Plan.request`, or what a job's plan kept of it.
    job_id : str
        For example `11_rnn@cell=gru`.
    """
    given = [*("run", *request.get("names", ())), *("--profile", request.get("profile", "quick"))]
    given += [text for setting in request.get("settings", ()) for text in ("-p", setting)]
    given += [text for swept in request.get("sweep", ()) for text in ("--sweep", swept)]
    for option in ("sweep_file", "name"):
        value = request.get(option)
        given += [f"--{option.replace('_', '-')}", value] if value else []
    return given + (["--only", job_id] if job_id else [])


def command(request: Mapping, job_id: str = "") -> str:
    """Return the command that asks for a plan, or one of its jobs, again: quoted for a shell."""
    return shlex.join(["etude", *arguments_of(request, job_id)])


def plan_again(request: Mapping) -> Plan:
    """Return the plan of a request as it is now: the profiles and the notebooks may have changed.

    Raises
    ------
    EtudeError
        It can no longer be asked: a parameter, a notebook or the file of a sweep is gone.
    """
    known = ("names", "profile", "settings", "sweep", "name", "sweep_file")
    return make_plan(**{key: value for key, value in request.items() if key in known})
