"""``python -m athena.platform.cli`` is ``athena``."""

from athena.platform.cli import main

main()
