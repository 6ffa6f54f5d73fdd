/** A tenant of the test's own, made by the platform and removed by it: a server can be tested as often as one likes. */

import assert from "node:assert/strict";
import { TenantCreateDocument, TenantDeleteDocument, TenantSuspendDocument } from "../../generated/operations.ts";
import { execute, Login, type LoginOptions } from "../../src/index.ts";
import { GRAPHQL_URL, unique } from "./server.ts";

const PLATFORM_PASSWORD = process.env["VQ_DEMO_PASSWORD"] ?? "demo-password";

export interface Business {
  readonly slug: string;
  readonly password: string;
  /** Somebody of the business, its administrator if nobody is named, signed in. */
  signedIn(options?: Partial<LoginOptions>, email?: string): Promise<Login>;
  remove(): Promise<void>;
}

export async function newBusiness(): Promise<Business> {
  const platform = await signIn("platform", "super@demo.example", PLATFORM_PASSWORD);
  const slug = unique("contract");
  const [adminEmail, password] = [`admin@${slug}.example`, "a long enough password"];
  const { tenantCreate } = await execute(
    GRAPHQL_URL,
    TenantCreateDocument,
    { input: { name: "Contract", slug, adminEmail, adminPassword: password } },
    { token: await platform.token() },
  );
  assert.equal(tenantCreate.__typename, "TenantCreateSuccess");
  const tenantId = tenantCreate.tenant.id;
  return {
    slug,
    password,
    signedIn: (options = {}, email = adminEmail) => signIn(slug, email, password, options),
    remove: async () => {
      const token = await platform.token();
      await execute(GRAPHQL_URL, TenantSuspendDocument, { input: { tenantId } }, { token });
      const { tenantDelete } = await execute(
        GRAPHQL_URL,
        TenantDeleteDocument,
        { input: { tenantId, slug } },
        { token },
      );
      assert.equal(tenantDelete.__typename, "TenantDeleteSuccess");
    },
  };
}

async function signIn(
  tenantSlug: string,
  email: string,
  password: string,
  options: Partial<LoginOptions> = {},
): Promise<Login> {
  const login = new Login({ url: GRAPHQL_URL, ...options });
  const result = await login.signIn({ tenantSlug, email, password });
  assert.equal(result.__typename, "UserLoginSuccess");
  return login;
}
