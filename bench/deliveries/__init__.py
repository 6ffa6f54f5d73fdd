"""Deliveries while workers are killed, Valkey is away and providers fail, with the numbers of the promise."""
