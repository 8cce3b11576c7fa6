"""Before the web server: migrations, static files and first start, in one short-lived process.

`--answer-to N` names a file descriptor that gets the JSON line of the command `first_start`: through a pipe,
so that the first administrator's password is in no file.
"""

import argparse
import io
import os

import django
from django.core.management import call_command

from llmops.cli.django_commands import expect_database
from llmops.cli.migrations import apply_migrations
from llmops.cli.programs import CannotStart
from llmops.cli.static_files import collect_static_files


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--answer-to", type=int, required=True)
    parser.add_argument("--no-demo", action="store_true")
    options = parser.parse_args()
    django.setup()
    try:
        expect_database()
        apply_migrations()
    except CannotStart as why:
        raise SystemExit(f"llmops: {why}") from why
    collect_static_files()
    answer = io.StringIO()
    call_command("first_start", json=True, no_demo=options.no_demo, stdout=answer)
    with os.fdopen(options.answer_to, "w") as pipe:
        pipe.write(answer.getvalue())


if __name__ == "__main__":
    main()
