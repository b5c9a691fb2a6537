"""How well a bridge writes what its vectors ask for."""
