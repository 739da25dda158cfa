"""What every part stands on: the kernel, the composed application and the command line."""
