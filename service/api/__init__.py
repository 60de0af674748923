"""The HTTP and WebSocket edge: it parses, calls one engine method and serialises."""
