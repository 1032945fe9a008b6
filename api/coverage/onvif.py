"""Camera faults by the topic names of ONVIF, for programs that know those."""

from __future__ import annotations

from vision.health.fault_course import Fault

# The public names of the imaging and tamper events. What ONVIF has no word for stays without one.
TOPICS = {
    Fault.DARK: "tns1:VideoSource/ImageTooDark/ImagingService",
    Fault.GLARE: "tns1:VideoSource/ImageTooBright/ImagingService",
    Fault.BLURRED: "tns1:VideoSource/ImageTooBlurry/ImagingService",
    Fault.MOVED: "tns1:VideoSource/GlobalSceneChange/ImagingService",
    Fault.COVERED: "tns1:RuleEngine/TamperDetector/Tamper",
}

__all__ = ["TOPICS"]
