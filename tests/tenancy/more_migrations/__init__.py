"""The migrations of `analytics` and three to come, for tests of the runner."""

from analytics import migrations as real

__path__ = [*__path__, *real.__path__]
