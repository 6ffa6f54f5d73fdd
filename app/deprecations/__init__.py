"""How often deprecated parts of the schema are still used: what whoever wants to remove one has to know."""
