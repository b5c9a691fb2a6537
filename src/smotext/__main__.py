"""``python -m smotext``: the command line."""

from smotext.cli import main

if __name__ == "__main__":
    main()
