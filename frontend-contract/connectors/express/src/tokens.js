// @ts-check
/** Admission tokens, read and checked against keys without asking anybody. Where the keys are from is not known here. */

import { compactVerify, decodeProtectedHeader, importJWK } from "jose";

/** @typedef {import("./index.d.ts").Admission} Admission */
/** @typedef {{ readonly algorithm: string, readonly key: CryptoKey | Uint8Array }} Key */
/** @typedef {{ readonly issuer: string, readonly audience: string, readonly leewaySeconds: number }} Expected */

const TYPE = "admission+jwt";
/** Which kind of key an algorithm is used with. Symmetric ones and `none` are not among them. */
const KINDS = /** @type {Readonly<Record<string, string>>} */ ({ RS256: "RSA", Ed25519: "OKP" });
const SHAPE = /^[A-Za-z0-9_-]{1,1024}\.[A-Za-z0-9_-]{1,3072}\.[A-Za-z0-9_-]{1,1024}$/;

/** The key a token says it was signed with; null if it is no admission token at all. @param {string} token */
export function keyId(token) {
  if (!SHAPE.test(token)) return null;
  try {
    const { typ, alg, kid } = decodeProtectedHeader(token);
    return typ === TYPE && typeof alg === "string" && Object.hasOwn(KINDS, alg) && typeof kid === "string" ? kid : null;
  } catch {
    return null;
  }
}

/**
 * The admission of a token whose every claim is good, null of any other.
 * @param {string} token @param {Key} key @param {Expected} expected @param {number} now seconds
 * @returns {Promise<Admission | null>}
 */
export async function verify(token, key, expected, now) {
  let claims;
  try {
    const { payload, protectedHeader } = await compactVerify(token, key.key, { algorithms: [key.algorithm] });
    if (protectedHeader.typ !== TYPE) return null;
    claims = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    return null;
  }
  if (typeof claims !== "object" || claims === null) return null;
  const { iss, aud, sub, jti, iat, exp, state, aph } = claims;
  if (iss !== expected.issuer || ![sub, jti].every((each) => typeof each === "string")) return null;
  if (aud !== expected.audience && !(Array.isArray(aud) && aud.length === 1 && aud[0] === expected.audience)) return null;
  if (state !== "RELEASED" && state !== "INSIDE") return null;
  if (!Number.isSafeInteger(iat) || !Number.isSafeInteger(exp)) return null;
  if (iat < 0 || iat > now + expected.leewaySeconds || exp <= now) return null;
  return { token, sessionId: sub, tokenId: jti, isInside: state === "INSIDE", issuedAt: iat, expiresAt: exp, isBound: (aph ?? null) !== null };
}

/** The keys of a JSON Web Key Set that sign tokens, by id. What is not understood is left out. @param {unknown} jwks */
export async function keysOf(jwks) {
  /** @type {Map<string, Key>} */
  const found = new Map();
  const entries = /** @type {{ keys?: unknown }} */ (jwks)?.keys;
  for (const entry of Array.isArray(entries) ? entries : []) {
    const { kid, alg, kty } = entry ?? {};
    if (typeof kid !== "string" || typeof alg !== "string" || !Object.hasOwn(KINDS, alg) || KINDS[alg] !== kty) continue;
    try {
      found.set(kid, { algorithm: alg, key: /** @type {CryptoKey} */ (await importJWK(entry, alg)) });
    } catch {
      continue;
    }
  }
  return found;
}
