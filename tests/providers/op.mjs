// The certified OpenID provider of npm, as a business would run one. Its own sign-in pages; clients register themselves.
// Whoever signs in is who they say: "anna" is anna@staff.example, and in the groups of ACCOUNTS.
const { ACCOUNTS, OIDC_PROVIDER, PORT } = process.env;
const { Provider } = await import(OIDC_PROVIDER);
const issuer = `http://127.0.0.1:${PORT}`;
const accounts = JSON.parse(ACCOUNTS);

const provider = new Provider(issuer, {
  claims: {
    openid: ["sub"],
    email: ["email", "email_verified"],
    profile: ["given_name", "family_name"],
    groups: ["groups"],
  },
  scopes: ["openid", "email", "profile", "groups"],
  cookies: { keys: ["of this test only"] },
  features: { registration: { enabled: true } },
  pkce: { required: () => true },
  responseTypes: ["code"],
  ttl: { AccessToken: 300, AuthorizationCode: 60, Grant: 300, IdToken: 300, Interaction: 300, Session: 300 },
  async findAccount(ctx, id) {
    return {
      accountId: id,
      claims: async () => ({ sub: id, email: `${id}@staff.example`, email_verified: true, ...accounts[id] }),
    };
  },
});
provider.listen(Number(PORT), "127.0.0.1");
