"""Names as the store looks them up: tokens, their numbers, and the keys packed from them."""
