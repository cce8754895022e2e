"""What a coordinator and its routers cost, measured on loopback, and a model that carries it to millions of routers."""
