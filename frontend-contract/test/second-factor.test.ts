/** A second factor by the wiring: switched on with a connection, asked for by the next sign-in, shown to it. */

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, test } from "node:test";
import {
  SecondFactorConfirmDocument,
  SecondFactorEnrollDocument,
  UserCreateDocument,
} from "../generated/operations.ts";
import { Login, MemoryTokenStore } from "../src/index.ts";
import { newBusiness } from "./support/business.ts";
import { connection, GRAPHQL_URL, unique } from "./support/server.ts";

const business = await newBusiness();
const office = connection(await business.signedIn());

after(async () => {
  await office.socket.dispose();
  await business.remove();
});

/** What an authenticator app shows (RFC 6238), so many steps of 30 s from now. */
function shown(secret: string, steps = 0): string {
  const bits = [...secret].map((sign) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(sign).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const mac = createHmac("sha1", key).update(counter).digest();
  const at = (mac.at(-1) ?? 0) & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

test("a second factor is switched on, asked for, and shown", async () => {
  const email = `${unique("staff")}@${business.slug}.example`;
  const created = await office.apollo.mutate({
    mutation: UserCreateDocument,
    variables: { input: { email, password: business.password, role: "STAFF" } },
  });
  assert.equal(created.data?.userCreate.__typename, "UserCreateSuccess");
  const input = { tenantSlug: business.slug, email, password: business.password };
  const first = new Login({ url: GRAPHQL_URL });
  assert.equal((await first.signIn(input)).__typename, "UserLoginSuccess");
  const desk = connection(first);
  try {
    const enrolled = await desk.apollo.mutate({
      mutation: SecondFactorEnrollDocument,
      variables: { input: { kind: "TOTP" } },
    });
    const enrolment = enrolled.data?.secondFactorEnroll;
    assert.equal(enrolment?.__typename, "SecondFactorEnrollSuccess");
    const { secret, qrCode } = enrolment.enrolment;
    assert.ok(secret !== null && qrCode?.startsWith("data:image/svg+xml"));
    const confirmed = await desk.apollo.mutate({
      mutation: SecondFactorConfirmDocument,
      variables: { input: { kind: "TOTP", code: shown(secret, -1) } },
    });
    assert.equal(confirmed.data?.secondFactorConfirm.__typename, "SecondFactorConfirmSuccess");

    const store = new MemoryTokenStore();
    const login = new Login({ url: GRAPHQL_URL, store });
    const asked = await login.signIn(input);
    assert.equal(asked.__typename, "SecondFactorRequiredError");
    assert.deepEqual([asked.methods, asked.mustEnroll], [["TOTP", "RECOVERY_CODE"], false]);
    // Nobody is signed in yet.
    assert.deepEqual([login.user, await login.token(), await store.load()], [null, null, null]);
    const challengeToken = asked.challengeToken;
    const wrong = await login.verify({ challengeToken, method: "TOTP", code: "nonsense" });
    assert.equal(wrong.__typename, "ProofRefusedError");
    const done = await login.verify({ challengeToken, method: "TOTP", code: shown(secret) });
    assert.equal(done.__typename, "LoginVerifySuccess");
    assert.equal(login.user?.email, email);
    assert.equal(await store.load(), done.refreshToken);
  } finally {
    await desk.socket.dispose();
  }
});
