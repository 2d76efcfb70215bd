"""The `live` role. Filled by the next commit."""


class _Nothing:
    async def __call__(self, scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def close(self) -> None:
        return None


application = _Nothing()
