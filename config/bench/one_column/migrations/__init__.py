"""The next release, as `bench tenants` plays it: the migrations of `analytics` and one column."""

from analytics import migrations as real

__path__ = [*__path__, *real.__path__]
