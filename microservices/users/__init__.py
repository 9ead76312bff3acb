"""Who the customers are: registration, sign-in, and the public keys that verify user tokens."""
