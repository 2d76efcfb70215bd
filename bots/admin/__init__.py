"""The assistant's part of the desk: bots, channels, templates, knowledge, hours, models."""

from bots.admin import (
    automation,
    bots,
    calendars,
    channels,
    customers,
    desk_settings,
    greetings,
    hours,
    knowledge,
    models,
    moving,
    notices,
    partner_models,
    preview,
    teams,
    templates,
)

__all__ = [
    "automation",
    "bots",
    "calendars",
    "channels",
    "customers",
    "desk_settings",
    "greetings",
    "hours",
    "knowledge",
    "models",
    "moving",
    "notices",
    "partner_models",
    "preview",
    "teams",
    "templates",
]
