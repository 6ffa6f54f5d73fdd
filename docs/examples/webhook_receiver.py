"""A receiver of webhooks for Python: believes nothing whose signature is not right, and does nothing twice.

pip install standardwebhooks
WEBHOOK_SECRET=whsec_… PORT=9000 python webhook_receiver.py
"""

# ruff: noqa: T201
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
# Yours is a table with a unique key: it has to outlast the process.
seen: set[str] = set()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        # The bytes as they came: parsed and written again they would have another signature.
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            event = webhook.verify(body, {name.lower(): value for name, value in self.headers.items()})
        except WebhookVerificationError:
            self.answer(401)
            return
        is_new = self.headers["webhook-id"] not in seen
        seen.add(self.headers["webhook-id"])
        # Answer first, work afterwards: we wait for 30 seconds at most.
        self.answer(204)
        if is_new:
            handle(event)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing but what has happened."""


def handle(event: dict[str, Any]) -> None:
    if event["type"] in ("SESSION_JOINED", "SESSION_CALLED"):
        data = event["data"]
        print(event["type"], data["session"]["ticketNumber"], f"{data['line']['waitingCount']} waiting", flush=True)
    else:
        print(event["type"], event["object"]["type"], event["revision"], flush=True)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Receiver)
    print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
