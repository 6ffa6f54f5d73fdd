/** Where a refresh token survives a reload. Access tokens are kept in memory only. */

export interface TokenStore {
  load(): Promise<string | null>;
  /** Keep a token; null forgets it. */
  save(token: string | null): Promise<void>;
  /** Run work that no other tab or process of this user does at the same time. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
}

/** Forgets with the page. */
export class MemoryTokenStore implements TokenStore {
  #token: string | null = null;

  async load(): Promise<string | null> {
    return this.#token;
  }

  async save(token: string | null): Promise<void> {
    this.#token = token;
  }

  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return work();
  }
}

interface KeyValueStorage {
  getItem(key: string): Promise<string | null> | string | null;
  setItem(key: string, value: string): Promise<unknown> | void;
  removeItem(key: string): Promise<unknown> | void;
}

/**
 * Over anything with getItem, setItem and removeItem: `localStorage` or `sessionStorage` in a browser, an encrypted
 * store in React Native.
 *
 * Tabs share `localStorage`, and a refresh token works once: without a lock two tabs would use the same one, which
 * the server takes for a copied token and ends the sign-in.
 */
export class StorageTokenStore implements TokenStore {
  readonly #storage: KeyValueStorage;
  readonly #key: string;

  constructor(storage: KeyValueStorage, key = "vq.refreshToken") {
    this.#storage = storage;
    this.#key = key;
  }

  async load(): Promise<string | null> {
    return await this.#storage.getItem(this.#key);
  }

  async save(token: string | null): Promise<void> {
    await (token === null ? this.#storage.removeItem(this.#key) : this.#storage.setItem(this.#key, token));
  }

  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    const locks = (globalThis as { navigator?: { locks?: LockManager } }).navigator?.locks;
    return locks === undefined ? await work() : await locks.request(this.#key, work);
  }
}
