"""`xiaoan plan verify` and `xiaoan plan due`."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli_plan import plan_app
from config.plan.catalogue import SHIPPED_CATALOGUE

RUNNER = CliRunner()


def test_verify_passes_on_the_shipped_plan() -> None:
    result = RUNNER.invoke(plan_app, ["verify"])
    assert result.exit_code == 0, result.output
    assert "措施原文：36/36" in result.output
    assert "重复规则：61/61" in result.output


def test_verify_names_the_row_that_was_changed(tmp_path: Path) -> None:
    text = SHIPPED_CATALOGUE.read_text("utf-8")
    changed = text.replace("BYMONTHDAY=15,-1", "BYMONTHDAY=15,31")
    (tmp_path / "catalogue.yaml").write_text(changed, "utf-8")
    result = RUNNER.invoke(plan_app, ["verify", "--plan", str(tmp_path), "--lang", "en"])
    assert result.exit_code == 1
    assert "Rules: 59 of 61" in result.output
    assert "R-3.9.1-5 expected_raw 2026: wanted 24, found 19" in result.output


def test_verify_compares_with_a_given_inventory() -> None:
    inventory = Path(__file__).resolve().parents[3] / "../shared/plan/plan_inventory.yaml"
    if not inventory.is_file():
        pytest.skip("the plan's inventory is not beside this checkout")
    result = RUNNER.invoke(plan_app, ["verify", "--source", str(inventory)])
    assert result.exit_code == 0, result.output
    assert "plan_inventory.yaml 逐字比对：36/36" in result.output


@pytest.mark.parametrize(("school", "bus"), [("sample-middle", True), ("sample-primary", False)])
def test_due_shows_bus_duties_only_where_there_are_buses(school: str, bus: bool) -> None:
    result = RUNNER.invoke(plan_app, ["due", "--school", school, "--date", "2026-06-15"])
    assert result.exit_code == 0, result.output
    assert ("R-3.11.3-1" in result.output) is bus
    assert "R-2.7.2-1" in result.output


def test_due_of_an_unentered_year_carries_the_banner() -> None:
    result = RUNNER.invoke(
        plan_app, ["due", "--school", "bureau", "--date", "2027-03-31", "--lang", "en"]
    )
    assert result.exit_code == 0, result.output
    assert "Holidays and make-up days of 2027 are not entered" in result.output
    assert "R-1.1.2-1" in result.output


REFUSED = [
    (["due", "--school", "nowhere"], 1, "sample-primary"),
    (["due", "--school", "bureau", "--date", "31.3.2027"], 2, "--date"),
    (["verify", "--plan", "absent-folder"], 1, "no such folder"),
    (["verify", "--source", "absent.yaml"], 1, "no such file"),
    (["verify", "--lang", "fr"], 2, "use one of zh, en"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), REFUSED)
def test_what_cannot_be_done_is_said(arguments: list[str], code: int, message: str) -> None:
    result = RUNNER.invoke(plan_app, arguments)
    assert result.exit_code == code
    assert message in result.output
