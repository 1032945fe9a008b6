"""Another network of this family as a teacher: what its file answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor

from models.errors import WrongFamilyError
from vision.arrays import UInt8Array

ANSWERS = ("density", "heat", "log_size")


class Teacher:
    """An ONNX file of the family, asked for some of its tensors."""

    def __init__(self, file: Path, threads: int, names: tuple[str, ...] = ANSWERS) -> None:
        """`names`: outputs, or a stage such as `stage8` for what its last layer answers.

        Raises:
            WrongFamilyError: for a file without them.
        """
        model = onnx.load(str(file))
        known = {port.name for port in model.graph.output}
        asked = []
        for name in names:
            nodes = [n.output[0] for n in model.graph.node if n.name.startswith(f"/{name}/")]
            if name not in known and not nodes:
                raise WrongFamilyError(f"{file}: has no {name}: this is no xiaoan-heads")
            asked.append(name if name in known else nodes[-1])
        model.graph.output.extend(
            onnx.helper.make_empty_tensor_value_info(name) for name in asked if name not in known
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        self._asked = asked

    def answer(self, pictures: UInt8Array) -> list[Tensor]:
        """Each tensor for (N, h, w, 3)."""
        found = self._session.run(self._asked, {"picture": pictures})
        return [torch.from_numpy(np.array(one)) for one in found]
