from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Imported(models.Model):
    """What came from elsewhere and what it has become here, so that nothing comes twice.

    `source` names the account or file, `external_id` the thing there, `object_id` the row here: a
    user, team, label, template, person or episode by `kind`. 0 is a tombstone: what a person wished
    forgotten is not brought again.
    """

    source = models.CharField(max_length=160)
    kind = models.CharField(max_length=16)
    external_id = models.CharField(max_length=120)
    object_id = models.BigIntegerField()
    # The run (its first job) that saw it last: counted once a run, and done when a run goes on.
    seen_in = models.BigIntegerField(default=0)

    class Meta:
        verbose_name, verbose_name_plural = _("imported object"), _("imported objects")
        constraints = [
            models.UniqueConstraint(fields=["source", "kind", "external_id"], name="imported_once")
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.kind} {self.external_id}"
