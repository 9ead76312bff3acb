"""The edge: public routes, forwarding to their owners, and the one answer composed of several."""
