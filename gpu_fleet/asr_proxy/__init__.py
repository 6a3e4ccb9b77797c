"""Recognition over HTTP, for everything that does not speak Riva's gRPC."""
