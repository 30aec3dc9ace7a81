"""Let `python -m freshmart_streams` be the `freshmart` command."""

from freshmart_streams.cli import main

if __name__ == "__main__":
    main()
