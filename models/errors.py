"""The errors of `models`.

ModelError
├── UnknownModelError     no card of that id
├── WeightsMissingError   the weights file is not there
├── WeightsHashError      the file's sha256 is not the card's: changed or cut short
├── WrongFamilyError      the graph is not of the family that is asked for
├── CardError             a model card that cannot be read
├── RuntimeMissingError   no inference runtime that can load the file
├── RuntimeFailedError    a runtime that loaded the file and fails on a picture
├── NotWrittenError       a file that cannot be written, or would be written over another
└── DatasetError          a data set that is missing or malformed
"""


class ModelError(RuntimeError):
    """Base of every error that `models` raises on purpose; names the file and the mend."""


class UnknownModelError(ModelError):
    """No model card has the id."""


class WeightsMissingError(ModelError):
    """The weights file named by a card is not there."""


class WeightsHashError(ModelError):
    """The weights file is not the one its card describes: changed, corrupted or cut short."""


class WrongFamilyError(ModelError):
    """The graph's inputs or outputs are not those of the family asked for."""


class CardError(ModelError):
    """A model card that is not valid; the text names file, key and mend."""


class RuntimeMissingError(ModelError):
    """No inference runtime could load the file."""


class RuntimeFailedError(ModelError):
    """A runtime that loaded the network failed on a picture."""


class NotWrittenError(ModelError):
    """A file cannot be written, or another one that would be lost lies there."""


class DatasetError(ModelError):
    """A data set that is missing or malformed; the text names the file and line."""
