"""Who gets an answer from which route, written out by hand.

A new route needs a line here, under exactly the roles that may ask it. Every other role is refused,
and so is each of these roles at another place.
"""

from __future__ import annotations

from collections.abc import Mapping

from api.access.rights import Role

EVERYBODY = " ".join(role.value for role in Role)
PUBLIC = "public"
WORKERS = "workers"

ROUTES: Mapping[str, tuple[str, ...]] = {
    EVERYBODY: (
        "GET /api/v1/openapi.json",
        "POST /api/v1/sign-out",
        "GET /api/v1/me",
        "POST /api/v1/me/password",
        "POST /api/v1/me/authenticator",
        "POST /api/v1/me/authenticator/confirm",
        "POST /api/v1/me/other-house",
        "GET /api/v1/me/sessions",
        "POST /api/v1/me/sessions/end-others",
        "POST /api/v1/me/sessions/{session_id}/end",
        "GET /account",
        "GET /start",
    ),
    PUBLIC: (
        "POST /api/v1/sign-in",
        "POST /api/v1/set-up",
        "GET /oidc/begin",
        "GET /oidc/return",
        "GET /sign-in",
        "GET /set-up",
        "GET /livez",
        "GET /readyz",
        "GET /console-texts/{lang}.json",
        "GET /api/v1/plan/feeds/{token}.ics",
        "GET /plan/worker.js",
    ),
    "administrator": (
        "GET /api/v1/accounts",
        "POST /api/v1/accounts",
        "POST /api/v1/accounts/{account_id}/roles",
        "POST /api/v1/accounts/{account_id}/disable",
        "POST /api/v1/accounts/{account_id}/enable",
        "POST /api/v1/accounts/{account_id}/reset",
        "POST /api/v1/accounts/{account_id}/sign-out",
        "GET /accounts",
        "GET /api/v1/delivery/settings",
        "POST /api/v1/delivery/stranded/{target_id}/give-up",
        "POST /api/v1/delivery/stranded/{target_id}/send-to",
        "POST /api/v1/delivery/targets/{target_id}/settings",
        "POST /api/v1/delivery/targets/{target_id}/remove",
        "POST /api/v1/delivery/targets/{target_id}/paths/{path_id}/settings",
        "POST /api/v1/delivery/targets/{target_id}/paths/{path_id}/remove",
        "POST /api/v1/delivery/targets/{target_id}/paths/{path_id}/try",
        "GET /delivery/settings/path",
        "GET /delivery/settings/target",
    ),
    "auditor": (
        "GET /api/v1/audit",
        "GET /api/v1/audit/verdict",
        "GET /audit",
    ),
    WORKERS: (
        "POST /api/v1/ingest",
        "POST /api/v1/ingest/shown",
        "POST /api/v1/inputs/{input_id}",
        "GET /api/v1/workers/doors",
        "GET /api/v1/workers/orders",
    ),
    "operator supervisor police installer": (
        "GET /api/v1/state",
        "GET /api/v1/zones/{zone_id}/readings",
        "GET /api/v1/alarms",
        "GET /api/v1/alarms/{number}",
        "GET /api/v1/alarms/{number}/card",
        "GET /api/v1/alarms/{number}/told",
        "GET /api/v1/people",
        "GET /api/v1/announcements/{announcement_id}/audio",
        "GET /police",
        "GET /handover",
        "GET /api/v1/site-plan",
        "GET /api/v1/events",
        "GET /api/v1/shift",
        "GET /api/v1/cameras/{camera_id}/picture.jpg",
        "GET /",
        "GET /api/v1/cameras/{camera_id}/faults/{fault_id}/picture.jpg",
        "GET /api/v1/cameras/{camera_id}/baselines/{mode}/picture.jpg",
    ),
    "operator supervisor police": (
        "POST /api/v1/alarms/{number}/acknowledge",
        "POST /api/v1/alarms/{number}/confirm",
        "POST /api/v1/alarms/{number}/reject",
        "POST /api/v1/alarms/{number}/escalate",
        "POST /api/v1/alarms/{number}/dispatch",
        "POST /api/v1/shift",
        "POST /api/v1/shift/end",
    ),
    "operator supervisor": (
        "POST /api/v1/alarms/{number}/close",
        "POST /api/v1/alarms/{number}/card/steps/{step_id}",
    ),
    "supervisor": (
        "POST /api/v1/alarms/{number}/shelve",
        "POST /api/v1/alarms/{number}/out-of-service",
        "POST /api/v1/alarms/{number}/release",
    ),
    "administrator bureau": (
        "POST /api/v1/plan/imports",
        "POST /api/v1/plan/day",
        "GET /plan/import",
        "GET /api/v1/plan/calendars/{year}",
        "POST /api/v1/plan/calendars/{year}",
        "POST /api/v1/plan/calendars/{year}/preview",
        "POST /api/v1/plan/calendars/{year}/notice",
        "GET /api/v1/plan/calendar-file",
        "GET /plan/school-year",
    ),
    "supervisor auditor privacy_officer": (
        "GET /api/v1/viewings",
        "GET /viewings",
        "GET /api/v1/evidence/register",
    ),
    "installer administrator machine": ("GET /metrics",),
    "installer": (
        "POST /api/v1/cameras/{camera_id}/calibration",
        "POST /api/v1/coverage/tasks/{task_id}/take",
        "POST /api/v1/coverage/tasks/{task_id}/close",
        "POST /api/v1/coverage/audit",
        "POST /api/v1/coverage/audit/confirm",
        "POST /api/v1/cameras/{camera_id}/baselines/{mode}/confirm",
        "POST /api/v1/cameras/{camera_id}/baselines/relearn",
        "POST /api/v1/cameras/{camera_id}/calibration/confirm",
    ),
    "operator supervisor installer": ("POST /api/v1/test-alarms",),
    "operator supervisor police installer administrator": (
        "GET /api/v1/test-alarms",
        "GET /api/v1/delivery",
        "GET /delivery",
    ),
    "supervisor installer administrator": (
        "POST /api/v1/delivery/targets/{target_id}/test",
        "POST /api/v1/delivery/messages/{number}/requeue",
        "POST /api/v1/delivery/targets/{target_id}/noted",
    ),
    "supervisor district installer bureau school": (
        "GET /api/v1/coverage/now",
        "GET /api/v1/coverage/plan",
        "GET /api/v1/coverage/floors/{floor_id}/underlay",
        "GET /api/v1/coverage/floors/{floor_id}/density",
        "GET /api/v1/coverage/audit",
        "GET /api/v1/coverage/audit.json",
        "GET /api/v1/coverage/audit.pdf",
        "GET /api/v1/coverage/audits",
        "GET /api/v1/coverage/audits/{audit_id}/audit.json",
        "GET /api/v1/coverage/audits/{audit_id}/audit.pdf",
        "GET /api/v1/coverage/changes",
        "GET /api/v1/coverage/days",
        "GET /api/v1/coverage/tasks",
        "GET /api/v1/coverage/faults",
        "GET /api/v1/coverage/baselines",
        "GET /coverage",
        "GET /coverage-texts/{lang}.json",
    ),
    "operator supervisor police privacy_officer": (
        "GET /evidence",
        "GET /api/v1/alarms/{number}/evidence",
        "GET /api/v1/alarms/{number}/clip",
        "GET /api/v1/alarms/{number}/exports",
        "GET /evidence/{number}",
    ),
    "supervisor police": (
        "POST /api/v1/alarms/{number}/exports",
        "GET /api/v1/exports/{export_id}/file",
    ),
    "privacy_officer": (
        "POST /api/v1/exports/{export_id}/decision",
        "POST /api/v1/alarms/{number}/hold",
    ),
    "operator supervisor police district installer administrator privacy_officer": (
        "GET /api/v1/recordings/events",
        "GET /api/v1/evidence/key",
    ),
    "bureau school security_room police_room bus_provider expert": (
        "GET /api/v1/plan/units",
        "GET /api/v1/plan/units/{unit_id}/today",
        "GET /api/v1/plan/units/{unit_id}/occurrences",
        "POST /api/v1/plan/units/{unit_id}/feeds",
        "POST /api/v1/plan/units/{unit_id}/feeds/{number}/revoke",
        "GET /api/v1/plan/papers/plan.{form}",
        "GET /plan",
        "GET /plan/units/{unit_id}",
        "GET /plan/units/{unit_id}/board",
        "GET /plan/units/{unit_id}/ledger",
        "GET /plan/units/{unit_id}/calendar",
        "GET /plan/units/{unit_id}/rows/{number}",
        "GET /plan/units/{unit_id}/records",
    ),
    "bureau school security_room bus_provider": (
        "POST /api/v1/plan/units/{unit_id}/records",
        "POST /api/v1/plan/units/{unit_id}/records/{number}/receipt",
        "POST /api/v1/plan/units/{unit_id}/occurrences/{number}/explain",
        "POST /api/v1/plan/units/{unit_id}/attachments",
        "POST /api/v1/plan/units/{unit_id}/attachments/{number}/privacy",
        "POST /api/v1/plan/units/{unit_id}/camera-audits",
        "POST /api/v1/plan/units/{unit_id}/camera-drafts",
        "POST /api/v1/plan/units/{unit_id}/camera-drills",
    ),
    # Who hands in or reviews; of which kinds follows the scope of the role.
    "bureau school security_room police_room bus_provider": (
        "POST /api/v1/plan/units/{unit_id}/records/{number}/withdraw",
    ),
    "bureau school police_room": (
        "POST /api/v1/plan/units/{unit_id}/records/{number}/review",
        "GET /api/v1/plan/units/{unit_id}/incidents",
        "GET /plan/units/{unit_id}/incidents",
    ),
    "bureau school security_room police_room expert": (
        "GET /api/v1/plan/units/{unit_id}/hazards",
        "POST /api/v1/plan/units/{unit_id}/hazards",
        "GET /plan/units/{unit_id}/hazards",
        "GET /plan/units/{unit_id}/hazards/{number}",
        # Of a hazard; other kinds follow the scope of the role.
        "GET /api/v1/plan/units/{unit_id}/attachments/{number}",
        "GET /api/v1/plan/units/{unit_id}/history/{kind}/{number}",
    ),
    "bureau school security_room": (
        "POST /api/v1/plan/units/{unit_id}/hazards/{number}/assign",
        "POST /api/v1/plan/units/{unit_id}/hazards/{number}/fixed",
        "POST /api/v1/plan/units/{unit_id}/hazards/{number}/withdraw",
        "POST /api/v1/plan/units/{unit_id}/hazards/{number}/{verb}",
        # Of a duty log; other kinds follow the scope of the role.
        "POST /api/v1/plan/units/{unit_id}/records/{number}/confirm",
        "POST /api/v1/plan/units/{unit_id}/tasks/{number}/give",
        "POST /api/v1/plan/units/{unit_id}/tasks/{number}/done",
        "POST /api/v1/plan/units/{unit_id}/tasks/{number}/close",
    ),
    "bureau school": (
        "POST /api/v1/plan/units/{unit_id}/incidents",
        "POST /api/v1/plan/units/{unit_id}/incidents/{number}/reports",
        "POST /api/v1/plan/units/{unit_id}/incidents/{number}/close",
        "POST /api/v1/plan/units/{unit_id}/incidents/{number}/lessons",
        "POST /api/v1/plan/units/{unit_id}/incidents/{number}/withdraw",
        "GET /plan/wall",
        "GET /api/v1/plan/wall",
        "GET /api/v1/plan/wall/events",
        "GET /api/v1/plan/units/{unit_id}/reports",
        "GET /api/v1/plan/units/{unit_id}/reports/preview",
        "POST /api/v1/plan/units/{unit_id}/reports",
        "GET /api/v1/plan/units/{unit_id}/reports/{number}/file",
        "POST /api/v1/plan/units/{unit_id}/reports/{number}/receipt",
        "GET /api/v1/plan/units/{unit_id}/evaluation",
        "POST /api/v1/plan/units/{unit_id}/evaluation/scores",
        "GET /plan/units/{unit_id}/reports",
        "GET /plan/units/{unit_id}/evaluation",
        "GET /plan/units/{unit_id}/map",
    ),
    # Of a fire drill; other kinds follow the scope of the role.
    "bureau school bus_provider expert": ("GET /plan/units/{unit_id}/form/{kind}",),
    "bureau school bus_provider": (
        "GET /api/v1/plan/units/{unit_id}/certificates",
        "POST /api/v1/plan/units/{unit_id}/certificates",
        "GET /plan/units/{unit_id}/certificates",
    ),
    "bureau school security_room expert": (
        "GET /api/v1/plan/units/{unit_id}/tasks",
        # Of a duty log; other kinds follow the scope of the role.
        "GET /plan/units/{unit_id}/records/{number}",
        "GET /plan/units/{unit_id}/tasks",
    ),
}
"""Roles that get an answer at their own place -> method and path."""

ANSWERED_ANYWHERE = frozenset(
    {
        # One's own account.
        "GET /api/v1/openapi.json",
        "POST /api/v1/sign-out",
        "GET /api/v1/me",
        "POST /api/v1/me/password",
        "POST /api/v1/me/authenticator",
        "POST /api/v1/me/authenticator/confirm",
        "POST /api/v1/me/other-house",
        "GET /api/v1/me/sessions",
        "POST /api/v1/me/sessions/end-others",
        "POST /api/v1/me/sessions/{session_id}/end",
        "GET /account",
        "GET /start",
        # The plan's lists, cut down to one's own units.
        "GET /api/v1/plan/units",
        "GET /api/v1/plan/papers/plan.{form}",
        "GET /plan",
        "GET /plan/wall",
        "GET /api/v1/plan/wall",
        "GET /api/v1/plan/wall/events",
        "POST /api/v1/plan/imports",
        "POST /api/v1/plan/day",
        "GET /plan/import",
        "GET /api/v1/plan/calendars/{year}",
        "POST /api/v1/plan/calendars/{year}",
        "POST /api/v1/plan/calendars/{year}/preview",
        "POST /api/v1/plan/calendars/{year}/notice",
        "GET /api/v1/plan/calendar-file",
        "GET /plan/school-year",
    }
)
"""Routes that answer a role wherever it holds; nothing of another place may stand in the answer."""


def roles_of() -> dict[str, str]:
    """Method and path -> who is answered."""
    return {route: who for who, routes in ROUTES.items() for route in routes}
