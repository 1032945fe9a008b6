"""What people may do, and which role may do what.

A right names one kind of act. A role is a set of rights; nobody holds a right but by a role, and
no role holds another role. What a role does not list is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Right(StrEnum):
    """One kind of act."""

    # The desk: alarms and the present.
    SEE_DESK = "see_desk"
    ACKNOWLEDGE_ALARM = "acknowledge_alarm"
    CLOSE_ALARM = "close_alarm"
    SHELVE_ALARM = "shelve_alarm"
    TAKE_OUT_OF_SERVICE = "take_out_of_service"
    ESCALATE_ALARM = "escalate_alarm"
    RAISE_TEST_ALARM = "raise_test_alarm"
    WORK_ACTION_CARD = "work_action_card"
    OPERATE_OUTPUT = "operate_output"
    KEEP_SHIFT = "keep_shift"
    SEE_STATISTICS = "see_statistics"
    # Pictures and recordings.
    SEE_PICTURE = "see_picture"
    PLAY_EVIDENCE = "play_evidence"
    REQUEST_EXPORT = "request_export"
    APPROVE_EXPORT = "approve_export"
    SET_RETENTION = "set_retention"
    # The link to others.
    SEE_DELIVERY = "see_delivery"
    TEST_DELIVERY = "test_delivery"
    CONFIGURE_DELIVERY = "configure_delivery"
    # The installation.
    SEE_SITE = "see_site"
    CONFIGURE_SITE = "configure_site"
    CALIBRATE_CAMERA = "calibrate_camera"
    SEE_COVERAGE = "see_coverage"
    RUN_COVERAGE = "run_coverage"
    SEE_METRICS = "see_metrics"
    SEND_RECORDS = "send_records"
    # People and the record of what they did.
    KEEP_OWN_ACCOUNT = "keep_own_account"
    ADMINISTER_ACCOUNTS = "administer_accounts"
    READ_AUDIT = "read_audit"
    READ_VIEWINGS = "read_viewings"
    # The safety plan.
    SEE_PLAN = "see_plan"
    WRITE_PLAN = "write_plan"
    REPORT_HAZARD = "report_hazard"
    REVIEW_PLAN = "review_plan"
    SUPERVISE_PLAN = "supervise_plan"
    ADMINISTER_PLAN = "administer_plan"
    EXPORT_PLAN = "export_plan"


class Role(StrEnum):
    """What somebody is here; given for a site, and where it matters for single zones."""

    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    POLICE = "police"
    DISTRICT = "district"
    INSTALLER = "installer"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    PRIVACY_OFFICER = "privacy_officer"
    # Of the safety plan.
    BUREAU = "bureau"
    SCHOOL = "school"
    SECURITY_ROOM = "security_room"
    POLICE_ROOM = "police_room"
    BUS_PROVIDER = "bus_provider"
    EXPERT = "expert"
    # Everybody who is signed in, for their own account only.
    MEMBER = "member"
    # A program with the workers' token, never a person.
    MACHINE = "machine"


_R = Right
_DESK = frozenset(
    {
        _R.SEE_DESK,
        _R.ACKNOWLEDGE_ALARM,
        _R.CLOSE_ALARM,
        _R.ESCALATE_ALARM,
        _R.WORK_ACTION_CARD,
        _R.OPERATE_OUTPUT,
        _R.RAISE_TEST_ALARM,
        _R.KEEP_SHIFT,
        _R.SEE_PICTURE,
        _R.PLAY_EVIDENCE,
        _R.SEE_DELIVERY,
        _R.SEE_SITE,
    }
)
_OWN = frozenset({_R.KEEP_OWN_ACCOUNT})
_PLAN_DESK = frozenset({_R.SEE_PLAN, _R.WRITE_PLAN, _R.REPORT_HAZARD})

ROLE_RIGHTS: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {
        Role.OPERATOR: _OWN | _DESK,
        Role.SUPERVISOR: _OWN
        | _DESK
        | {
            _R.SHELVE_ALARM,
            _R.TAKE_OUT_OF_SERVICE,
            _R.SEE_STATISTICS,
            _R.REQUEST_EXPORT,
            _R.TEST_DELIVERY,
            _R.SEE_COVERAGE,
            _R.READ_VIEWINGS,
        },
        # Sees and acts on alarms, changes no settings.
        Role.POLICE: _OWN
        | {
            _R.SEE_DESK,
            _R.ACKNOWLEDGE_ALARM,
            _R.ESCALATE_ALARM,
            _R.SEE_PICTURE,
            _R.PLAY_EVIDENCE,
            _R.REQUEST_EXPORT,
            _R.SEE_DELIVERY,
            _R.SEE_SITE,
            _R.KEEP_SHIFT,
        },
        # Figures and coverage, no pictures.
        Role.DISTRICT: _OWN | {_R.SEE_STATISTICS, _R.SEE_COVERAGE, _R.SEE_SITE},
        # Sets cameras up, plays no recording.
        Role.INSTALLER: _OWN
        | {
            _R.SEE_DESK,
            _R.SEE_SITE,
            _R.CONFIGURE_SITE,
            _R.CALIBRATE_CAMERA,
            _R.SEE_PICTURE,
            _R.SEE_COVERAGE,
            _R.RUN_COVERAGE,
            _R.RAISE_TEST_ALARM,
            _R.TEST_DELIVERY,
            _R.SEE_DELIVERY,
            _R.SEE_METRICS,
        },
        # Keeps accounts and links, sees no picture.
        Role.ADMINISTRATOR: _OWN
        | {
            _R.SEE_SITE,
            _R.CONFIGURE_SITE,
            _R.SEE_DELIVERY,
            _R.CONFIGURE_DELIVERY,
            _R.TEST_DELIVERY,
            _R.SEE_METRICS,
            _R.ADMINISTER_ACCOUNTS,
            _R.ADMINISTER_PLAN,
        },
        # Reads what was done, does nothing.
        Role.AUDITOR: _OWN | {_R.READ_AUDIT, _R.READ_VIEWINGS},
        # The second person of an unredacted export.
        Role.PRIVACY_OFFICER: _OWN
        | {
            _R.APPROVE_EXPORT,
            _R.PLAY_EVIDENCE,
            _R.SET_RETENTION,
            _R.READ_VIEWINGS,
            _R.SEE_SITE,
        },
        Role.BUREAU: _OWN
        | {
            _R.SEE_PLAN,
            _R.WRITE_PLAN,
            _R.REPORT_HAZARD,
            _R.REVIEW_PLAN,
            _R.SUPERVISE_PLAN,
            _R.ADMINISTER_PLAN,
            _R.EXPORT_PLAN,
            _R.SEE_COVERAGE,
        },
        Role.SCHOOL: _OWN | _PLAN_DESK | {_R.REVIEW_PLAN, _R.EXPORT_PLAN, _R.SEE_COVERAGE},
        Role.SECURITY_ROOM: _OWN | _PLAN_DESK,
        Role.POLICE_ROOM: _OWN | {_R.SEE_PLAN, _R.REPORT_HAZARD, _R.REVIEW_PLAN},
        Role.BUS_PROVIDER: _OWN | _PLAN_DESK,
        Role.EXPERT: _OWN | {_R.SEE_PLAN, _R.REPORT_HAZARD},
        Role.MEMBER: _OWN,
        Role.MACHINE: frozenset({_R.SEND_RECORDS, _R.SEE_METRICS}),
    }
)

MUST_EXPIRE = frozenset({Role.EXPERT})
"""Roles that are given only with an end."""

STRONG = frozenset({Role.ADMINISTRATOR, Role.AUDITOR, Role.PRIVACY_OFFICER, Role.BUREAU})
"""Roles that need a one-time code at sign-in."""

APART = frozenset({Role.AUDITOR})
"""Roles that no account holds together with another: who checks does not act."""

ASSIGNABLE = tuple(role for role in Role if role not in (Role.MEMBER, Role.MACHINE))
"""Roles that an administrator gives."""

PLACELESS = frozenset(
    {
        _R.KEEP_OWN_ACCOUNT,
        # The plan's lists span schools; each list is cut down to the units that one may see.
        _R.SEE_PLAN,
        _R.WRITE_PLAN,
        _R.REPORT_HAZARD,
        _R.REVIEW_PLAN,
        _R.SUPERVISE_PLAN,
        _R.ADMINISTER_PLAN,
        _R.EXPORT_PLAN,
    }
)
"""Rights that are asked without the site of this service."""
