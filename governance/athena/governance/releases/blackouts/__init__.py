"""Black-outs: the times in which a force wants nothing to go live."""
