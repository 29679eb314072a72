"""`python -m rewardsmith` is the command `rewardsmith`."""

from rewardsmith.cli.main import main

if __name__ == "__main__":
    main()
