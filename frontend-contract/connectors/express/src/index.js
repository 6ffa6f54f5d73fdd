// @ts-check
/** The gate as Express middleware. Decides nothing itself. */

import { isIP } from "node:net";
import { Gate } from "./gate.js";
import { checked } from "./options.js";

/** @param {import("./index.d.ts").Options} options @returns {import("express").RequestHandler} */
export function waitingRoom(options) {
  const gate = new Gate(checked(options));
  return async (request, response, next) => {
    let decision;
    try {
      decision = await gate.decide({
        method: request.method,
        target: request.originalUrl,
        headers: request.headers,
        address: addressOf(request.ip),
      });
    } catch (problem) {
      return next(problem);
    }
    if (decision.cookie !== undefined) response.append("set-cookie", decision.cookie);
    if ("admission" in decision) {
      request.admission = decision.admission;
      return next();
    }
    const { status, headers, body } = decision.answer;
    response.status(status).set(headers).send(body);
  };
}

/** A network address as text; none where there is none, as behind a unix socket. @param {string | undefined} text */
function addressOf(text) {
  const address = text?.split("%", 1)[0]?.replace(/^::ffff:(?=\d+\.)/i, "");
  return address !== undefined && isIP(address) !== 0 ? address : undefined;
}
