"""The errors of `vision`.

VisionError
├── GeometryError        a polygon, plane, pose or lens that cannot exist
│   └── NotVisibleError  a place that the camera cannot see at all
├── CalibrationError     point pairs that no camera pose fits well enough
└── ShapeError           an array whose shape or dtype is not the stated one
"""


class VisionError(ValueError):
    """Base of every error that `vision` raises on purpose."""


class GeometryError(VisionError):
    """A polygon, plane, pose or lens that cannot exist; the text says which rule it breaks."""


class NotVisibleError(GeometryError):
    """A zone that lies behind the camera, above its horizon or outside its picture."""


class CalibrationError(VisionError):
    """Point pairs that no camera pose fits well enough; the text names the pair and the mend."""


class ShapeError(VisionError):
    """An array whose shape or dtype differs from the stated one; the text carries both."""
