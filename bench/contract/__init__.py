"""The shop's public contract, owned by its consumer: openapi, problems, vectors, seed, suite."""
