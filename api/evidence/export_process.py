"""The process of one export: `python -m api.evidence.export_process` with the job on its input.

Answers with one line of JSON: the package's sha256 and size, or why there is none.
"""

from __future__ import annotations

import json
import os
import sys
from zipfile import BadZipFile

import av.error

from api.evidence.errors import ExportFailedError
from api.evidence.export_job import ExportJob, export
from models.errors import ModelError

_NICE = 10


def main() -> int:
    os.nice(_NICE)
    job = ExportJob.from_json(sys.stdin.read())
    try:
        sha256, size_bytes = export(job)
    except (ExportFailedError, ModelError) as error:
        return _say({"failed": str(error)}, 1)
    except (OSError, av.error.FFmpegError, BadZipFile) as error:
        return _say({"failed": f"{type(error).__name__}: {error}"}, 1)
    return _say({"sha256": sha256, "bytes": size_bytes}, 0)


def _say(answer: dict[str, object], code: int) -> int:
    sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
