/**
 * A receiver of webhooks for Node: believes nothing whose signature is not right, and does nothing twice.
 *
 *   npm install standardwebhooks tsx
 *   WEBHOOK_SECRET=whsec_… PORT=9000 npx tsx webhook-receiver.ts
 */
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";
import type { WebhookEvent } from "../generated/webhooks.ts";

const webhook = new Webhook(process.env["WEBHOOK_SECRET"] ?? "");
// Yours is a table with a unique key: it has to outlast the process.
const seen = new Set<string>();

const server = createServer(async (request, response) => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  // The bytes as they came: parsed and written again they would have another signature.
  const body = Buffer.concat(parts).toString("utf8");
  let event: WebhookEvent;
  try {
    event = webhook.verify(body, request.headers as Record<string, string>) as WebhookEvent;
  } catch {
    response.writeHead(401).end();
    return;
  }
  const id = String(request.headers["webhook-id"]);
  const isNew = !seen.has(id);
  seen.add(id);
  // Answer first, work afterwards: we wait for 30 seconds at most.
  response.writeHead(204).end();
  if (isNew) handle(event);
});

function handle(event: WebhookEvent): void {
  switch (event.type) {
    case "SESSION_JOINED":
    case "SESSION_CALLED":
      console.log(event.type, event.data.session.ticketNumber, `${event.data.line.waitingCount} waiting`);
      break;
    default:
      console.log(event.type, event.object.type, event.revision);
  }
}

server.listen(Number(process.env["PORT"] ?? 9000), "127.0.0.1", () => {
  const address = server.address();
  console.log(`listening on http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`);
});
