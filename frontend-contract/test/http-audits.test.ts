/** GraphQL over HTTP as its specification has it: every audit of graphql-http, each of them without a warning.
 *
 * Three of them ask for queries by GET, which a server answers where `VQ_GET_QUERIES` is true, as under `make contract`.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { serverAudits } from "graphql-http";
import { GRAPHQL_URL } from "./support/server.ts";

const audits = serverAudits({ url: GRAPHQL_URL, fetchFn: fetch });

describe("audits of graphql-http", () => {
  test("there are as many as are known", () => {
    assert.equal(audits.length, 61);
  });

  for (const audit of audits) {
    test(`${audit.id}: ${audit.name}`, async () => {
      const result = await audit.fn();
      assert.equal(result.status, "ok", result.status === "ok" ? "" : result.reason);
    });
  }
});
