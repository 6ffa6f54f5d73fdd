"""An incoming hook as Slack has it."""

from tests.support.stand_ins.frame import Asked, Reply, StandIn

PATH = "/services/T0/B0/secret"


class Hook(StandIn):
    """`said`: what was written into the room."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    async def take(self, asked: Asked) -> Reply:
        if (asked.method, asked.path) != ("POST", PATH):
            return self.refuse("path", Reply(404, b"no_service"))
        if not asked.headers.get("content-type", "").startswith("application/json"):
            return self.refuse("type", Reply(400, b"invalid_payload"))
        said = asked.json()
        if not said.get("text") or len(said["text"]) > 4_000 or set(said) - {"text", "username"}:
            return self.refuse("schema", Reply(400, b"invalid_payload"))
        self.said.append(said["text"])
        return Reply(200, b"ok")
