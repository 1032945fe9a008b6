"""Who may do what, written out once more by hand; and where."""

from __future__ import annotations

import pytest

from api.access.actor import Actor, Grant
from api.access.guard import right_missing
from api.access.rights import ROLE_RIGHTS, Right, Role
from api.place_names import Name
from api.plan.scopes import Part
from config.texts import text

# One row a right: every role that holds it. Read it as the answer to "who may ...?".
HOLDERS = {
    "see_desk": "operator supervisor police installer",
    "acknowledge_alarm": "operator supervisor police",
    "close_alarm": "operator supervisor",
    "shelve_alarm": "supervisor",
    "take_out_of_service": "supervisor",
    "escalate_alarm": "operator supervisor police",
    "raise_test_alarm": "operator supervisor installer",
    "work_action_card": "operator supervisor",
    "operate_output": "operator supervisor",
    "keep_shift": "operator supervisor police",
    "see_statistics": "supervisor district",
    "see_picture": "operator supervisor police installer",
    "play_evidence": "operator supervisor police privacy_officer",
    "request_export": "supervisor police",
    "approve_export": "privacy_officer",
    "set_retention": "privacy_officer",
    "see_delivery": "operator supervisor police installer administrator",
    "test_delivery": "supervisor installer administrator",
    "configure_delivery": "administrator",
    "configure_site": "installer administrator",
    "calibrate_camera": "installer",
    "run_coverage": "installer",
    "see_metrics": "installer administrator machine",
    "send_records": "machine",
    "administer_accounts": "administrator",
    "read_audit": "auditor",
    "read_viewings": "supervisor auditor privacy_officer",
    "see_plan": "bureau school security_room police_room bus_provider expert",
    "write_plan": "bureau school security_room bus_provider",
    "report_hazard": "bureau school security_room police_room bus_provider expert",
    "review_plan": "bureau school police_room",
    "supervise_plan": "bureau",
    "administer_plan": "administrator bureau",
    "export_plan": "bureau school",
}


@pytest.mark.parametrize(("right", "holders"), HOLDERS.items())
def test_each_right_is_held_by_these_roles_only(right: str, holders: str) -> None:
    found = {role.value for role in Role if Right(right) in ROLE_RIGHTS[role]}
    assert found == set(holders.split())


def test_whoever_keeps_accounts_sees_no_picture_and_whoever_audits_does_nothing() -> None:
    pictures = {Right.SEE_PICTURE, Right.PLAY_EVIDENCE}
    assert not ROLE_RIGHTS[Role.ADMINISTRATOR] & pictures
    assert Right.PLAY_EVIDENCE not in ROLE_RIGHTS[Role.INSTALLER]
    assert ROLE_RIGHTS[Role.AUDITOR] == {
        Right.KEEP_OWN_ACCOUNT,
        Right.READ_AUDIT,
        Right.READ_VIEWINGS,
    }


STAIR_GUARD = Actor("王芳", (Grant(Role.OPERATOR, "school", frozenset({"stair"})),))
GUARD = Actor("李强", (Grant(Role.OPERATOR, "school"),))
EVERYWHERE = Actor("赵六", (Grant(Role.OPERATOR),))
SEE = Right.SEE_DESK


@pytest.mark.parametrize(
    ("actor", "site", "zone", "may"),
    [
        (STAIR_GUARD, "school", "stair", True),
        (STAIR_GUARD, "school", "hall", False),
        (STAIR_GUARD, "school", None, True),
        (STAIR_GUARD, "other", "stair", False),
        (GUARD, "school", "hall", True),
        (GUARD, "other", None, False),
        (EVERYWHERE, "other", "anything", True),
    ],
)
def test_a_role_holds_where_it_was_given(
    actor: Actor, site: str, zone: str | None, may: bool
) -> None:
    assert actor.may(SEE, site=site, zone=zone) is may
    assert actor.may(Right.CONFIGURE_SITE, site=site, zone=zone) is False


@pytest.mark.parametrize(
    ("zones", "one", "every"),
    [
        (("stair",), True, True),
        (("stair", "hall"), True, False),
        (("hall",), False, False),
        ((), True, False),
    ],
)
def test_things_of_several_zones(zones: tuple[str, ...], one: bool, every: bool) -> None:
    """An alarm is shown to whoever keeps one of its zones, a picture to who keeps them all."""
    assert STAIR_GUARD.may_in_one(SEE, site="school", zones=zones) is one
    assert STAIR_GUARD.may_in_all(SEE, site="school", zones=zones) is every


def test_only_a_shared_desk_signs_with_the_typed_name() -> None:
    desk = Actor("保安室", (Grant(Role.OPERATOR),), shared=True)
    assert desk.sign("王芳") == "王芳"
    assert GUARD.sign("王芳") == "李强"


@pytest.mark.parametrize("right", Right)
def test_a_refusal_names_the_right_in_words(right: Right) -> None:
    refusal = right_missing(right)
    assert refusal.status == 403
    for told in (refusal.body.message.zh, refusal.body.message.en):
        assert right.value not in told
    assert text(f"right.{right.value}", "zh") in refusal.body.message.zh


@pytest.mark.parametrize("part", Part)
def test_a_refusal_names_the_part_of_the_plan(part: Part) -> None:
    told = right_missing(Right.WRITE_PLAN, Name.said(f"plan.part.{part.value}")).body.message
    assert told.zh == (
        f"您没有这项权限（填报安全工作计划：{text(f'plan.part.{part.value}', 'zh')}）"
    )
    assert "write_plan" not in told.en
