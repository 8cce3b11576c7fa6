"""Log files stay small."""

from pathlib import Path

from llmops.cli.logs import RotatingLog
from llmops.cli.programs import last_lines


def test_full_file_is_set_aside_and_three_are_kept(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "web.log", most_bytes=10)
    for number in range(6):
        log.write(f"line {number}\n".encode())
    log.close()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "web.log": "line 5\n",
        "web.log.1": "line 4\n",
        "web.log.2": "line 3\n",
        "web.log.3": "line 2\n",
    }


def test_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    for word in ("one ", "two"):
        log = RotatingLog(tmp_path / "web.log")
        log.write(word.encode())
        log.close()
    assert (tmp_path / "web.log").read_text() == "one two"


def test_people_are_shown_what_json_lines_say(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text(
        '{"event": "It failed", "level": "error", "timestamp": "T1", "exception": "Traceback:\\nOSError: no"}\n'
        "plain\n{broken\n"
    )
    assert last_lines(log) == "    T1 error It failed\n    Traceback:\n    OSError: no\n    plain\n    {broken"
