"""The open, self-hosted virtual queue platform: online waiting rooms and on-site lines behind one typed GraphQL API."""
