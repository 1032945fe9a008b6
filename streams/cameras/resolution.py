"""Whether a picture still fits the camera's calibration, and in which size it is analysed."""

from __future__ import annotations

from streams.errors import ResolutionChangedError

_SHAPE_TOLERANCE = 0.01


def analysed_size_px(
    picture_px: tuple[int, int],
    calibrated_px: tuple[int, int],
    *,
    where: str,
    squeezed_px: tuple[int, int] | None = None,
) -> tuple[int, int]:
    """The size in which a picture is analysed: the calibrated shape, and no pixel made up.

    A camera's main stream and sub-stream of one shape show the same field of view, so a picture
    of the calibrated shape (width to height within 1 %) fits the calibration in its own size: what
    reads it knows the factor to the lens's pixels (`vision.crowd.camera_watch`). A picture larger
    than the calibrated one is made smaller. Any other shape means another crop, where no pixel can
    be trusted. One exception must be stated: many cameras squeeze the whole view into a sub-stream
    of 704x576 or 352x288, whose pixels are not square; the side that was squeezed is drawn out
    again.

    Heads of a sub-stream are small, and the network finds those below its `wanted_head_px` less
    well: `models.canvas.cut` enlarges the region up to twice, so that heads from half that size on
    (7 px) are shown as large as in any picture. Still smaller ones stay too small, and
    `benchmarks/sub_streams.py` prints what that costs.

    Args:
        squeezed_px: size of such a sub-stream, where the site says that this camera has one.

    Returns:
        Width and height, at most `calibrated_px`.

    Raises:
        ResolutionChangedError: for another shape.
    """
    width, height = picture_px
    want_width, want_height = calibrated_px
    shape, want_shape = width / height, want_width / want_height
    if picture_px != squeezed_px and abs(shape - want_shape) > _SHAPE_TOLERANCE * want_shape:
        raise ResolutionChangedError(
            where,
            f"the picture is {width}x{height} px but the calibration is for "
            f"{want_width}x{want_height} px, another shape",
            "set the camera back, or calibrate it anew for this picture; where it shows the whole "
            f"view squeezed, write `squeezed_px: [{width}, {height}]` for this camera",
        )
    factor = min(1.0, max(width / want_width, height / want_height))
    return round(want_width * factor), round(want_height * factor)


__all__ = ["analysed_size_px"]
