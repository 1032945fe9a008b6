"""What the supervisor hands on to its processes."""

import os
from pathlib import Path

import pytest

from api.run import settings_environment
from config.settings import ENV_PREFIX, ServiceSettings, load_settings


def test_every_process_reads_the_settings_that_the_first_one_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A setting that is not handed on would hold in one process and not in the next."""
    for name in list(os.environ):
        if name.startswith(ENV_PREFIX):
            monkeypatch.delenv(name)
    chosen = ServiceSettings(
        run_dir=tmp_path,
        host="127.0.0.2",
        port=9001,
        database_url="postgresql://db/xiaoan",
        workers=3,
        language="en",
        log_level="debug",
        stale_after_s=4.0,
        ingest_token_file=tmp_path / "token",
        allowed_hosts=("console.school",),
        head_network="xiaoan-heads-1",
        network_precision="int8",
        second_look="off",
        hardware_decoding="vaapi",
    )
    changed = {
        name: value
        for name, value in chosen.model_dump().items()
        if value != ServiceSettings.model_fields[name].default
    }
    # Every setting but how people sign in, which has two values and the stricter by default.
    assert set(changed) == set(ServiceSettings.model_fields) - {"access"}
    for name, value in settings_environment(chosen).items():
        monkeypatch.setenv(name, value)
    assert load_settings() == chosen
