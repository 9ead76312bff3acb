"""Users: registration, sign-in, the public key set."""
