"""Take the demo away: its merchants with everything of theirs, and its partner."""

from django.core.management.base import BaseCommand

from config.demo import seed


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args, **options):
        self.stdout.write(f"{seed.remove(self.stdout.write)} merchants removed")
