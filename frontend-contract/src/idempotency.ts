/** Keys that make a retry harmless: the server answers a key it has seen with the first result. */

/** A new random key. Make one per intent (a tap on "join"), and send the same one with every retry of it. */
export function newIdempotencyKey(): string {
  // React Native has no crypto.randomUUID; the key has to be unlikely, not secret.
  const crypto = (globalThis as { crypto?: { randomUUID?: () => string } }).crypto;
  if (crypto?.randomUUID !== undefined) return crypto.randomUUID();
  return Array.from({ length: 4 }, () => Math.random().toString(36).slice(2, 10).padEnd(8, "0")).join("-");
}
