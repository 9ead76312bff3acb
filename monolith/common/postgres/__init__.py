"""Django's PostgreSQL backend with the request's clock: timing, deadline, shedding, watchdog."""
