import json
import logging
from collections.abc import Iterator

import pytest

from src.core.logging import FIELDS, JsonFormatter, configure_logging


@pytest.fixture(autouse=True)
def _root_logger_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def formatted(**arguments: object) -> dict[str, object]:
    record = logging.makeLogRecord({"name": "test", "levelname": "INFO", "msg": "hello %s", "args": ("you",)})
    record.__dict__.update(arguments)
    line = JsonFormatter().format(record)
    assert "\n" not in line
    parsed: dict[str, object] = json.loads(line)
    return parsed


def test_a_record_is_one_line_of_json() -> None:
    line = formatted()
    assert (line["logger"], line["level"], line["message"]) == ("test", "INFO", "hello you")


def test_structured_fields_stand_beside_the_message() -> None:
    assert formatted(**{FIELDS: {"status": 200, "path": "/a\nb"}})["path"] == "/a\nb"


def test_an_exception_is_part_of_its_line() -> None:
    try:
        raise ValueError("broken")
    except ValueError as error:
        line = formatted(exc_info=(type(error), error, error.__traceback__))
    assert "ValueError: broken" in str(line["exception"])


def test_the_servers_loggers_write_the_same_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("uvicorn.error")
    logger.addHandler(logging.NullHandler())
    configure_logging("INFO")
    logger.info("started")
    assert logger.handlers == []
    assert json.loads(capsys.readouterr().out)["message"] == "started"
