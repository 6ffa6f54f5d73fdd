/** How long to wait before another try: doubling, capped, and spread, so that clients do not come back all at once. */

export interface Backoff {
  readonly firstMs: number;
  readonly mostMs: number;
}

export const DEFAULT_BACKOFF: Backoff = { firstMs: 500, mostMs: 30_000 };

/** The wait before try number `retries` (from 0): at least half of the doubled time, at most all of it. */
export function backoffMs(
  retries: number,
  { firstMs, mostMs }: Backoff = DEFAULT_BACKOFF,
  random = Math.random,
): number {
  const whole = Math.min(mostMs, firstMs * 2 ** Math.min(retries, 30));
  return whole / 2 + random() * (whole / 2);
}

/** A wait that can be cut short, for when the network is known to be back. */
export class Patience {
  #cut = new Set<() => void>();

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#cut.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#cut.add(done);
    });
  }

  /** End every wait now. */
  cut(): void {
    for (const done of [...this.#cut]) done();
  }
}
