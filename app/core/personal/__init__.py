"""Personal data: sealed under keys of the tenant, found again by blind indexes, masked. Knows no feature's tables."""
