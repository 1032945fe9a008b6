"""Put delivery into the application."""

from __future__ import annotations

from fastapi import FastAPI

from api.delivery import pages, routes, settings_pages, settings_routes, told
from api.delivery.settings import DeliverySettings


def install_delivery(app: FastAPI, settings: DeliverySettings) -> None:
    """Mount routes and pages on `app`; changes go through `settings`."""
    app.state.delivery_settings = settings
    for module in (routes, told, settings_routes, pages, settings_pages):
        app.include_router(module.router)
    pages.mount_files(app)
