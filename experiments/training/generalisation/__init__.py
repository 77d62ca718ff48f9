"""How training on one kind of forgery generalises to others, on made clips of real faces."""
