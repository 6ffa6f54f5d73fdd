// @ts-check
/** A small shop behind its waiting room: `VQ_SITE_SERVICE_URL=… VQ_SITE_QUEUE_ID=… PORT=8080 node example/site.js`. */

import express from "express";
import { waitingRoom } from "../src/index.js";

const environment = process.env;
const port = Number(environment.PORT ?? 8080);

const app = express();
app.disable("x-powered-by");
app.use(
  waitingRoom({
    serviceUrl: environment.VQ_SITE_SERVICE_URL ?? "http://127.0.0.1:8000",
    queueId: environment.VQ_SITE_QUEUE_ID ?? "",
    siteOrigin: environment.VQ_SITE_SITE_ORIGIN ?? `http://127.0.0.1:${port}`,
    failureMode: /** @type {import("../src/index.js").FailureMode} */ (environment.VQ_SITE_FAILURE_MODE ?? "QUEUE"),
    retrySeconds: Number(environment.VQ_SITE_RETRY_SECONDS ?? 5),
    timeoutSeconds: Number(environment.VQ_SITE_TIMEOUT_SECONDS ?? 2),
    open: ["/open"],
  }),
);
app.use((request, response) => {
  response.type("text").send(`shop ${request.method} ${request.originalUrl} for ${request.admission?.sessionId ?? "anybody"}\n`);
});

const server = app.listen(port, "127.0.0.1", () => console.log("ready"));
process.on("SIGTERM", () => server.close());
