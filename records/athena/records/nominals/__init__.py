"""Nominals: the people a force knows, and every field group that hangs on them."""
