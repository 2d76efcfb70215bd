"""What every app stands on: merchant context, outbox, due work, errors, outgoing HTTP, secrets.

Nothing here knows a bot, a channel or a connector.
"""
