"""The site as written by people: files read once into frozen, checked values.

Public names: `load_site`, `Site` and its parts, `sample_school_directory`, the catalogue of texts
(`config.texts`), service settings (`config.settings`) and the errors (`config.errors`).
"""

from config.camera_uri import CameraUri, CameraUriError
from config.errors import (
    ConfigError,
    ConfigFileError,
    FileProblem,
    SecretError,
    SettingsError,
    SiteFileError,
    SiteProblem,
    TextError,
)
from config.site import (
    Area,
    CalibrationNote,
    Door,
    Floor,
    ForbiddenArea,
    LocalText,
    Obstacle,
    Preset,
    RequiredArea,
    Site,
    SiteCamera,
    Underlay,
    Wall,
)
from config.site_load import SITE_FILE, load_site, parse_site, sample_school_directory

__all__ = [
    "SITE_FILE",
    "Area",
    "CalibrationNote",
    "CameraUri",
    "CameraUriError",
    "ConfigError",
    "ConfigFileError",
    "Door",
    "FileProblem",
    "Floor",
    "ForbiddenArea",
    "LocalText",
    "Obstacle",
    "Preset",
    "RequiredArea",
    "SecretError",
    "SettingsError",
    "Site",
    "SiteCamera",
    "SiteFileError",
    "SiteProblem",
    "TextError",
    "Underlay",
    "Wall",
    "load_site",
    "parse_site",
    "sample_school_directory",
]
