"""``python -m osteon`` is the command ``osteon``."""

from osteon.cli import main

main()
