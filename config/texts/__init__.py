"""Every text that a user reads, in Chinese and English, from the YAML files of this folder.

Each file holds entries `key: {zh: ..., en: ...}`. Placeholders are plain names in braces, the same
in both languages, so that the browser can fill them as well. Adding a file adds its entries.
"""

from config.texts.catalogue import LANGUAGES, catalogue, known, load_catalogue, reason_text, text

__all__ = ["LANGUAGES", "catalogue", "known", "load_catalogue", "reason_text", "text"]
