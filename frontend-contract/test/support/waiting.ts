/** Waiting for what must come, instead of sleeping. */

const WITHIN_MS = 10_000;

/** For what nothing announces: looks until it holds. */
export async function eventually(holds: () => boolean): Promise<void> {
  for (const deadline = Date.now() + WITHIN_MS; !holds();) {
    if (Date.now() > deadline) throw new Error(`this did not become true: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Items as they arrive; `next` waits for the first unread one that fits. */
export class Arrivals<T> {
  readonly all: T[] = [];
  #read = 0;
  #woken: () => void = () => undefined;

  readonly push = (item: T): void => {
    this.all.push(item);
    this.#woken();
  };

  async next(fits: (item: T) => boolean = () => true, what = "an item", withinMs = WITHIN_MS): Promise<T> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      while (this.#read < this.all.length) {
        const item = this.all[this.#read++] as T;
        if (fits(item)) return item;
      }
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`${what} did not come; last: ${JSON.stringify(this.all.at(-1))}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#woken = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
