"""Seed the demo: a partner, two merchants with all they know, two months of conversations.

Goes on where it was stopped; a second run changes nothing. `remove_demo` takes it away.
"""

from django.core.management.base import BaseCommand, CommandError

from config.demo import seed


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "--if-empty",
            action="store_true",
            help="not where the demo was removed or somebody's own merchants are without it",
        )
        parser.add_argument(
            "--no-conversations", action="store_true", help="merchants and their knowledge only"
        )
        parser.add_argument("--past", metavar="N/M", help="for ourselves: play one share of M")

    def handle(self, *args, if_empty, no_conversations, past, **options):
        if past:
            share, shares = map(int, past.split("/"))
            seed.past_play(share, shares, self.stdout.write)
        elif if_empty and not seed.is_wanted_if_empty():
            self.stdout.write("not wanted here")
        else:
            try:
                seed.seed(conversations=not no_conversations, tell=self.stdout.write)
            except seed.NotHere as exc:
                raise CommandError(str(exc)) from None
