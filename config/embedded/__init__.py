"""Embedded PostgreSQL and Redis, and the supervisor that runs every role on one machine.

Nothing here imports Django: these modules start before it can be configured.
"""
