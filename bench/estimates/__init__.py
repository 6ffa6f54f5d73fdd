"""How good the wait estimates of `app/estimates` are on three weeks of real calls, nobody looking ahead."""
