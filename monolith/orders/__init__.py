"""Orders: buying and cancelling, each one ACID transaction over stock, money and order."""
