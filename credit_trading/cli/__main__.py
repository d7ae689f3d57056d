"""`python -m credit_trading.cli`, where the console script is not on the PATH."""

from credit_trading.cli import main

main()
