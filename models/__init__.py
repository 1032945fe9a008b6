"""Networks: cards and weights, inference runtimes, adapters, evaluation and training."""

import models.telemetry  # noqa: F401  # before anything loads a runtime
from models.loading import load_head_network, load_person_detector

__all__ = ["load_head_network", "load_person_detector"]
