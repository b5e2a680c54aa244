"""gRPC, REST and the beta versions: bytes become calls of the service, and back."""
