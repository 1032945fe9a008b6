"""Start a program that dies with its parent: `python child.py PARENT_PID PROGRAM [ARGUMENT...]`.

The supervisor runs each process through this file. It asks Linux for a SIGKILL when the parent
dies (PR_SET_PDEATHSIG survives exec), so that a killed supervisor leaves nothing behind that keeps
cameras, the port or the spool; what they store is safe against a kill. It runs alone, by path, and
imports nothing of the project.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    parent_pid, *command = arguments
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    # The parent may have died before the request; then nobody would ever send the signal.
    if os.getppid() != int(parent_pid):
        raise SystemExit("the supervisor is gone")
    try:
        os.execvp(command[0], command)  # noqa: S606  # the supervisor's own list of programs
    except OSError as error:
        raise SystemExit(f"{command[0]} cannot be started: {error.strerror}") from None


if __name__ == "__main__":
    main(sys.argv[1:])
