"""Service settings: where they come from, which wins, and what is refused."""

import os
from pathlib import Path

import pytest

from config.errors import SettingsError
from config.settings import ServiceSettings, ingest_token, load_settings, misspelt


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("XIAOAN_"):
            monkeypatch.delenv(name)


def test_the_defaults_listen_on_this_machine_only() -> None:
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8440)
    assert settings.stale_after_s == 3.0
    assert settings.resolved_database_url.startswith("sqlite:////")
    assert settings.resolved_database_url.endswith("/var/xiaoan.db")


def test_arguments_win_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "service.yaml"
    file.write_text("port: 9001\nworkers: 1\nlanguage: en\n", encoding="utf-8")
    monkeypatch.setenv("XIAOAN_PORT", "9002")
    monkeypatch.setenv("XIAOAN_WORKERS", "2")
    settings = load_settings(file, port=9003, workers=None)
    assert (settings.port, settings.workers, settings.language) == (9003, 2, "en")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8440"),
        ("0.0.0.0", "http://127.0.0.1:8440"),
        ("192.0.2.2", "http://192.0.2.2:8440"),
        ("::", "http://[::1]:8440"),
        ("fd00::2", "http://[fd00::2]:8440"),
        ("xiaoan.school", "http://xiaoan.school:8440"),
    ],
)
def test_the_machine_reaches_its_own_console_where_it_listens(host: str, url: str) -> None:
    assert load_settings(host=host, port=8440).local_url == url


def test_a_password_in_the_database_url_is_not_shown() -> None:
    settings = load_settings(database_url="postgresql://x:pa55@db/xiaoan")
    assert "pa55" not in repr(settings)
    assert "pa55" not in str(settings)
    assert settings.resolved_database_url == "postgresql://x:pa55@db/xiaoan"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("prt: 1\n", r"service\.yaml:1: prt: unknown setting — mend: did you mean `port`"),
        ("port: 0\n", r"service\.yaml: port: 0 is out of range — mend: write a number >= 1"),
        ("port: [1]\n", r"service\.yaml: port: "),
        ("- 1\n", "expected settings"),
        ("a: [\n", "not valid YAML"),
        ("log_level: loud\n", "log_level"),
        ("port: 1\nport: 2\n", "written twice"),
    ],
)
def test_a_faulty_file_is_refused(tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "service.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=words):
        load_settings(file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no such file"):
        load_settings(tmp_path / "service.yaml")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("XIAOAN_PORT", "many", "environment variable XIAOAN_PORT"),
        ("XIAOAN_LANGUAGE", "fr", "environment variable XIAOAN_LANGUAGE"),
        ("XIAOAN_ALLOWED_HOSTS", "a,b", "XIAOAN_ALLOWED_HOSTS: .*write lists as JSON"),
        ("XIAOAN_ALLOWED_HOSTS", "", "XIAOAN_ALLOWED_HOSTS: .*write lists as JSON"),
        ("XIAOAN_ALLOWED_HOSTS", '"a"', "environment variable XIAOAN_ALLOWED_HOSTS"),
        ("XIAOAN_ALLOWED_HOSTS", '["http://"]', "no name of a machine"),
        ("XIAOAN_STALE_AFTER_S", "0", "XIAOAN_STALE_AFTER_S"),
        # Empty, they would be the folder in which somebody happens to stand.
        ("XIAOAN_RUN_DIR", "", "environment variable XIAOAN_RUN_DIR: is empty"),
        ("XIAOAN_INGEST_TOKEN_FILE", " ", "XIAOAN_INGEST_TOKEN_FILE: is empty"),
    ],
)
def test_a_faulty_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=words):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("XIAOAN_PORT", "many", "环境变量 XIAOAN_PORT: 应为整数，现在是 'many' — 改法 mend: "),
        (
            "XIAOAN_LANGUAGE",
            "fr",
            "环境变量 XIAOAN_LANGUAGE: 这里没有 'fr' — 改法 mend: 从中选一个",
        ),
        ("XIAOAN_ALLOWED_HOSTS", "a,b", "环境变量 XIAOAN_ALLOWED_HOSTS: 不是列表"),
        ("XIAOAN_RUN_DIR", "", "环境变量 XIAOAN_RUN_DIR: 不能为空"),
        ("XIAOAN_STALE_AFTER_S", "0", "环境变量 XIAOAN_STALE_AFTER_S: '0' 超出范围"),
        ("XIAOAN_WORKERS", "1.5", "环境变量 XIAOAN_WORKERS: 应为整数"),
    ],
)
def test_a_refusal_stands_in_chinese_above_the_english(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    chinese, english = str(refused.value).splitlines()
    assert chinese.startswith(words)
    assert english.startswith(f"environment variable {name}: ")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("http://xiaoan.school:8440/", "xiaoan.school"),
        ("desk:8440", "desk"),
        (" Desk ", "desk"),
        ("fd00::2", "fd00::2"),
        ("10.0.0.5", "10.0.0.5"),
    ],
)
def test_an_address_out_of_a_browser_names_its_host(given: str, name: str) -> None:
    assert load_settings(allowed_hosts=[given]).allowed_hosts == (name,)


@pytest.mark.parametrize("given", ["*", "*.school", "http://*:8440/"])
def test_a_pattern_of_hosts_is_refused_since_nothing_would_match_it(given: str) -> None:
    with pytest.raises(SettingsError, match="lets nobody in — mend: write each name") as refused:
        load_settings(allowed_hosts=[given])
    assert "是通配写法，谁也进不来 — 改法 mend: 逐个写浏览器用的主机名" in str(refused.value)


def test_a_list_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XIAOAN_ALLOWED_HOSTS", '["xiaoan.school", "desk"]')
    assert load_settings().allowed_hosts == ("xiaoan.school", "desk")


def test_two_settings_that_exclude_each_other_are_both_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XIAOAN_HOST", "0.0.0.0")
    with pytest.raises(SettingsError, match=r"XIAOAN_ACCESS, XIAOAN_HOST: .*access is open"):
        load_settings(access="open")


def test_an_unknown_argument_is_refused() -> None:
    with pytest.raises(SettingsError, match="did you mean `port`") as refused:
        load_settings(prot=1)
    assert "参数 prot: 没有这个设置 — 改法 mend: 是不是想写 `port`？" in str(refused.value)


def test_the_token_is_made_once_and_for_this_user_only(tmp_path: Path) -> None:
    settings = ServiceSettings(run_dir=tmp_path / "run")
    token = ingest_token(settings)
    assert len(token) >= 40
    assert ingest_token(settings) == token
    assert settings.resolved_token_file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["ingest.token"]


def test_a_token_that_others_can_read_or_that_is_short_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ingest.token"
    settings = ServiceSettings(run_dir=tmp_path)
    file.write_text("short\n", encoding="ascii")
    file.chmod(0o600)
    with pytest.raises(SettingsError, match=r"令牌太短[^\n]*\n[^\n]*too short"):
        ingest_token(settings)
    file.write_text("x" * 32, encoding="ascii")
    file.chmod(0o644)
    with pytest.raises(SettingsError, match=r"别的用户能读它[^\n]*\n[^\n]*others can read it"):
        ingest_token(settings)


def test_a_run_dir_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")
    with pytest.raises(SettingsError, match="mend: choose a folder"):
        ingest_token(ServiceSettings(run_dir=tmp_path / "file"))


def test_a_variable_that_is_nearly_one_of_ours_is_told_and_a_schools_own_is_not() -> None:
    given = ("XIAOAN_PROT", "XIAOAN_HOST", "XIAOANPORT", "xiaoan_workers", "XIAOAN_NVR_2", "PATH")
    assert misspelt(given) == {
        "XIAOAN_PROT": "XIAOAN_PORT",
        "XIAOANPORT": "XIAOAN_PORT",
    }
    assert misspelt(["XIAOAN_CACHE", "XIAOAN_SECRETS_KEY_FILE"]) == {}
