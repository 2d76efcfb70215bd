"""What channels and connections share in the API: kinds with their settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework import serializers

from tenants.kernel import forms


class ChoiceOut(serializers.Serializer):
    value = serializers.CharField()
    title = serializers.CharField()


class SettingOut(serializers.Serializer):
    """One setting a kind asks for."""

    name = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.CharField(help_text="text, secret, url, choice, bool or number")
    help = serializers.CharField(allow_blank=True)
    required = serializers.BooleanField()  # type: ignore[assignment]
    default = serializers.JSONField()
    choices = ChoiceOut(many=True)


class KindOut(serializers.Serializer):
    """`maturity`: simulated, beta or proven. `gaps`: what it does not do, in words."""

    key = serializers.CharField()
    title = serializers.CharField()
    settings = SettingOut(many=True)
    maturity = serializers.CharField(allow_blank=True)
    gaps = serializers.ListField(child=serializers.CharField())
    capabilities = serializers.ListField(child=serializers.CharField())


def kind_of(manifest: Any, capabilities: Iterable[str] | None = None) -> dict[str, Any]:
    if capabilities is None:
        capabilities = getattr(manifest, "capabilities", ())
    return {
        "key": manifest.key,
        "title": str(manifest.title),
        "settings": forms.described(manifest.settings),
        "maturity": str(getattr(manifest, "maturity", "")),
        "gaps": [str(gap) for gap in getattr(manifest, "gaps", ())],
        "capabilities": sorted(str(one) for one in capabilities),
    }


def settings_checked(
    fields: Iterable[Any],
    given: Mapping[str, Any],
    *,
    settings: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> forms.Filled:
    """Raises ValidationError under `settings`, by the setting's name."""
    filled = forms.fill(fields, given, settings=settings, secrets=secrets)
    if filled.faults:
        raise serializers.ValidationError({"settings": filled.faults})
    return filled
