"""Golden events, refused messages, schemas: what other systems may rely on."""
