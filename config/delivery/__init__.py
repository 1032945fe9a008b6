"""Where alarms go outside the school: `delivery.yaml` of a site folder, read once and checked.

Public names: `load_delivery`, `DeliveryPlan` and its parts, `read_secret`.
"""

from config.delivery.drivers import (
    AnyDriverKeys,
    CapKeys,
    Dc09Keys,
    Gb28181Keys,
    MqttKeys,
    RobotKeys,
    WebhookKeys,
)
from config.delivery.load import DELIVERY_FILE, DeliveryFileError, load_delivery, parse_delivery
from config.delivery.plan import Acknowledgement, DeliveryPath, DeliveryPlan, DeliveryTarget, Role
from config.secret_reference import SecretReference, read_secret

__all__ = [
    "DELIVERY_FILE",
    "Acknowledgement",
    "AnyDriverKeys",
    "CapKeys",
    "Dc09Keys",
    "DeliveryFileError",
    "DeliveryPath",
    "DeliveryPlan",
    "DeliveryTarget",
    "Gb28181Keys",
    "MqttKeys",
    "RobotKeys",
    "Role",
    "SecretReference",
    "WebhookKeys",
    "load_delivery",
    "parse_delivery",
    "read_secret",
]
