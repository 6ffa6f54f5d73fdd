/** Who is asking, as HTTP and the socket need to know it. How to sign in is `login.ts`. */

export interface Credentials {
  /** The token to send now, renewed first if it is about to end; null for nobody. */
  token(): Promise<string | null>;
  /** The server refused this token. True if another one can be used instead. */
  renew(refused: string): Promise<boolean>;
  /** The server closed a socket because this token is good no more. */
  revoke(token: string): Promise<void>;
}

/** Nobody: display boards, kiosks, the page before joining. */
export const ANONYMOUS: Credentials = {
  token: async () => null,
  renew: async () => false,
  revoke: async () => undefined,
};

/** A visitor's key to one session, as `queueJoin` gave it. It is never renewed. */
export class SessionToken implements Credentials {
  #token: string | null;
  readonly #onOver: () => void;

  /** `onOver`: the token is good no more; forget it, and offer to join again. */
  constructor(token: string, onOver: () => void = () => undefined) {
    this.#token = token;
    this.#onOver = onOver;
  }

  async token(): Promise<string | null> {
    return this.#token;
  }

  async renew(refused: string): Promise<boolean> {
    await this.revoke(refused);
    return false;
  }

  async revoke(token: string): Promise<void> {
    if (this.#token !== token) return;
    this.#token = null;
    this.#onOver();
  }
}
