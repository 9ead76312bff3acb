"""SQL migrations of users."""
