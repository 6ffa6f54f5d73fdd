"""Assembly only: schema, HTTP and websocket transport, limits, error mapping. No rule of the product lives here."""
