"""SQL of the tables that the chassis gives to components that ask for them."""
