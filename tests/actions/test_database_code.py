"""Edits of a target's Python source."""

from __future__ import annotations

import pytest

from actions._database_code import model_name, seal_columns, with_argument
from runbook_app.domain.errors import ActionError
from runbook_app.resources import sample_target

MODELS = '''"""Models."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column


class Person(Base):
    __tablename__ = "people"

    naïve: Mapped[str] = mapped_column(String(10))
    phone: Mapped[str] = mapped_column(String(20), nullable=False)  # with its code
'''


def sealed(source: str, *columns: str) -> str:
    return seal_columns(source, path="m.py", table="people", columns=columns, module="src.enc")


def test_only_the_named_column_gets_the_type():
    changed = sealed(MODELS, "phone")
    assert "naïve: Mapped[str] = mapped_column(String(10))" in changed
    assert (
        'mapped_column(Sensitive(20), nullable=False, deferred=True, deferred_group="sensitive")'
        "  # with its code" in changed
    )


def test_the_import_and_the_description_are_added_once():
    changed = sealed(sealed(MODELS, "phone"), "naïve")
    assert changed.count("from src.enc import Sensitive, describe") == 1
    assert changed.count("describe(Base.metadata)") == 1
    compile(changed, "m.py", "exec")


def test_what_is_sealed_already_stays_as_it_is():
    once = sealed(MODELS, "phone", "naïve")
    assert sealed(once, "phone", "naïve") == once


@pytest.mark.parametrize("column", ["fax", "email"])
def test_a_column_that_is_written_otherwise_is_an_error(column):
    source = MODELS + "    email: Mapped[str] = column_property(x)\n"
    with pytest.raises(ActionError, match=rf"Person.{column} is not a mapped_column"):
        sealed(source, column)


def test_a_table_that_nothing_maps_is_an_error():
    with pytest.raises(ActionError, match="__tablename__ = 'orders'"):
        seal_columns(MODELS, path="m.py", table="orders", columns=["a"], module="x")


def test_the_class_of_a_table_is_found():
    assert model_name(MODELS, path="m.py", table="people") == "Person"


def test_a_call_gets_an_argument_once():
    source = 'config = Settings(a="b")\n'
    once = with_argument(source, path="c.py", call="Settings", argument="dir", value='"/x"')
    assert once == 'config = Settings(a="b", dir="/x")\n'
    assert with_argument(once, path="c.py", call="Settings", argument="dir", value='"/x"') == once


@pytest.mark.parametrize("source", ["x = 1\n", "Settings()\nSettings()\n"])
def test_a_call_that_is_not_there_once_is_an_error(source):
    with pytest.raises(ActionError, match="not one"):
        with_argument(source, path="c.py", call="Settings", argument="a", value="1")


def test_the_samples_models_can_be_edited():
    source = (sample_target() / "src/db/models.py").read_text(encoding="utf-8")
    columns = ["tax_number", "phone", "iban"]
    changed = seal_columns(source, path="m.py", table="customers", columns=columns, module="x.y")
    assert changed.count("Sensitive(") == 3
    compile(changed, "models.py", "exec")
