"""Run the tasks as ``python -m provision``, like the command ``chrony-provision``."""

from provision.cli.tasks import main

if __name__ == "__main__":
    main()
