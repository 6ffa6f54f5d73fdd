/** A user's sign-in that keeps itself alive: the access token in memory, the refresh token in a store. */

import {
  LoginRefreshDocument,
  LoginVerifyDocument,
  type LoginVerifyInput,
  type LoginVerifyMutation,
  LogoutDocument,
  type SignedInUserFragment,
  UserLoginDocument,
  type UserLoginInput,
  type UserLoginMutation,
} from "../generated/operations.ts";
import type { Credentials } from "./credentials.ts";
import { execute, type Fetch } from "./http.ts";
import { succeeded } from "./results.ts";
import { MemoryTokenStore, type TokenStore } from "./token-store.ts";

// Renewed this long before its end, so that no request travels with a token that ends on the way.
const EARLY_MS = 30_000;

interface Access {
  readonly token: string;
  readonly renewAt: number;
}

interface Granted {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresInSeconds: number;
  readonly user: SignedInUserFragment;
}

export interface LoginOptions {
  /** The endpoint, e.g. `https://queue.example/graphql`. */
  readonly url: string;
  /** Where the refresh token survives a reload. Default: nowhere. */
  readonly store?: TokenStore;
  /** Called with the user after a sign-in, and with null when there is none any more. */
  readonly onChange?: (user: SignedInUserFragment | null) => void;
  readonly fetch?: Fetch;
}

export class Login implements Credentials {
  readonly #options: LoginOptions;
  readonly #store: TokenStore;
  #access: Access | null = null;
  #renewing: Promise<Access | null> | null = null;
  #user: SignedInUserFragment | null = null;

  constructor(options: LoginOptions) {
    this.#options = options;
    this.#store = options.store ?? new MemoryTokenStore();
  }

  /** Who is signed in, as far as this client knows. */
  get user(): SignedInUserFragment | null {
    return this.#user;
  }

  /** Sign in. The answer says whether it worked; it throws only when nobody answers. */
  async signIn(input: UserLoginInput): Promise<UserLoginMutation["userLogin"]> {
    await this.#settled();
    const { userLogin } = await execute(this.#options.url, UserLoginDocument, { input }, this.#fetch);
    if (succeeded(userLogin)) await this.#accept(userLogin);
    return userLogin;
  }

  /** Finish a sign-in that was answered with `SecondFactorRequiredError`. The answer says whether it worked. */
  async verify(input: LoginVerifyInput): Promise<LoginVerifyMutation["loginVerify"]> {
    await this.#settled();
    const { loginVerify } = await execute(this.#options.url, LoginVerifyDocument, { input }, this.#fetch);
    if (succeeded(loginVerify)) await this.#accept(loginVerify);
    return loginVerify;
  }

  /** Go on after a reload with the stored refresh token. The user, or null if nobody is signed in. */
  async resume(): Promise<SignedInUserFragment | null> {
    await this.token();
    return this.#user;
  }

  /** End the sign-in, on the server too. */
  async signOut(): Promise<void> {
    await this.#settled();
    const refreshToken = await this.#store.load();
    await this.#forget();
    if (refreshToken !== null)
      await execute(this.#options.url, LogoutDocument, { input: { refreshToken } }, this.#fetch);
  }

  async token(): Promise<string | null> {
    if (this.#access !== null && Date.now() < this.#access.renewAt) return this.#access.token;
    return (await this.#renewed())?.token ?? null;
  }

  async renew(refused: string): Promise<boolean> {
    // Somebody else may have renewed it while the refused one was on its way.
    if (this.#access?.token === refused) this.#access = null;
    return (await this.token()) !== null;
  }

  async revoke(token: string): Promise<void> {
    if (this.#access?.token !== token) return;
    this.#access = null;
    // The refresh token tells why: it is refused as well, or another tab has signed in anew, or (an error) the whole
    // business is not served for a while, and the sign-in stays good for afterwards.
    await this.token().catch(() => null);
  }

  /** All who need a new token at once wait for the same exchange: a refresh token works once. */
  #renewed(): Promise<Access | null> {
    this.#renewing ??= this.#store
      .exclusively(() => this.#exchange())
      .finally(() => {
        this.#renewing = null;
      });
    return this.#renewing;
  }

  /** An exchange under way would bring back what is about to be replaced. */
  async #settled(): Promise<void> {
    await this.#renewing?.catch(() => undefined);
  }

  async #exchange(): Promise<Access | null> {
    // Read again here: another tab may have exchanged it while this one waited for the lock.
    const refreshToken = await this.#store.load();
    if (refreshToken === null) {
      this.#access = null;
      this.#show(null);
      return null;
    }
    const { loginRefresh } = await execute(
      this.#options.url,
      LoginRefreshDocument,
      { input: { refreshToken } },
      this.#fetch,
    );
    if (succeeded(loginRefresh)) return await this.#accept(loginRefresh);
    // Where there are no locks another tab may have been faster: then its token is the one to exchange.
    if ((await this.#store.load()) !== refreshToken) return await this.#exchange();
    await this.#forget();
    return null;
  }

  async #accept(granted: Granted): Promise<Access> {
    const lifeMs = granted.expiresInSeconds * 1000;
    const access = { token: granted.accessToken, renewAt: Date.now() + lifeMs - Math.min(EARLY_MS, lifeMs / 5) };
    await this.#store.save(granted.refreshToken);
    this.#access = access;
    this.#show(granted.user);
    return access;
  }

  async #forget(): Promise<void> {
    await this.#store.save(null);
    this.#access = null;
    this.#show(null);
  }

  #show(user: SignedInUserFragment | null): void {
    const changed = this.#user?.id !== user?.id;
    this.#user = user;
    if (changed) this.#options.onChange?.(user);
  }

  get #fetch(): { fetch?: Fetch } {
    return this.#options.fetch === undefined ? {} : { fetch: this.#options.fetch };
  }
}
