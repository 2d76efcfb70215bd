"""The `live` role: websockets of buyers and agents, and their HTTP fallback."""


class _Nothing:
    async def __call__(self, scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})


application = _Nothing()
