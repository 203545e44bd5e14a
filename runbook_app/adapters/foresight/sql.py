"""Which SQL statements are certain to read alone, and what others say of settings."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TOKEN = re.compile(
    r"""(?P<skip>\s+|--[^\n]*|/\*.*?\*/)
    |(?P<text>[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<word>[A-Za-z_]\w*)
    |(?P<number>\d+(?:\.\d+)?)
    |(?P<sign>%\(\w+\)s|%s|::|.)""",
    re.VERBOSE | re.DOTALL,
)
_BEGINS = _words("select with values table show")
_CHANGES = _words(
    """
    alter analyze call checkpoint cluster copy create deallocate delete discard do drop
    execute grant import insert into listen load lock merge notify prepare reassign refresh
    reindex reset revoke share truncate unlisten update vacuum
    """
)
_NO_CALLS = _words(
    """
    all and any array as between by case coalesce distinct else exists extract filter from
    greatest group having in is join lateral least like limit not nullif offset on or order
    over partition row select some then union using values when where with within bit char
    character decimal numeric varchar
    """
)
_READS = _words(
    """
    abs acldefault aclexplode age array_agg array_length array_position array_to_json
    array_to_string avg bit_length bool_and bool_or btrim cardinality ceil char_length
    col_description concat concat_ws convert_from count current_database current_schema
    current_schemas current_setting date_part date_trunc decode encode every floor format
    format_type get_byte hashtext host initcap inet_server_addr inet_server_port is_json
    json_agg json_array_elements json_build_array json_build_object json_each json_object_agg
    json_object_keys jsonb_agg jsonb_array_elements jsonb_build_array jsonb_build_object
    jsonb_each jsonb_object_agg jsonb_object_keys left length lower lpad ltrim max md5 min mod
    now obj_description octet_length overlay pg_backend_pid pg_column_size pg_database_size
    pg_encoding_to_char pg_has_role pg_indexes_size pg_is_in_recovery pg_postmaster_start_time
    pg_relation_filepath pg_relation_size pg_size_pretty pg_table_is_visible pg_table_size
    pg_total_relation_size pg_typeof pg_tablespace_location position quote_ident quote_literal
    quote_nullable regexp_match regexp_matches regexp_replace regexp_split_to_array
    regexp_split_to_table repeat replace reverse right round row_number row_to_json rpad rtrim
    sha256 shobj_description split_part starts_with string_agg string_to_array strpos substr
    substring sum to_char to_json to_jsonb to_regclass to_regnamespace to_regproc
    to_regprocedure to_regrole to_regtype to_timestamp translate trim txid_current_if_assigned
    unnest upper version
    """
)
_READ_BEGINNINGS = ("has_", "pg_get_")
_SETS = r"(?:set|reset)\s+([\w.]+)(?:\s*(?:=|\bto\b)\s*([^;]+))?"
_OF_THE_SERVER = re.compile(rf"\balter\s+system\s+{_SETS}", re.IGNORECASE)
_OF_OTHERS = re.compile(
    rf"\balter\s+(role|database)\s+(\S+)\s+(?:in\s+database\s+\S+\s+)?{_SETS}", re.IGNORECASE
)
_OWN_SETTING = re.compile(r"'\w+\.\w+'")
"""One of an application's own, which ends with the connection."""
_SHOWN = 60


def why_not_certain(sql: str, *, reading: frozenset[str] = frozenset()) -> str:
    """Why a statement is not certain to read alone; empty: it is.

    One statement that begins as a query, has no word that changes something, and calls functions
    of PostgreSQL's own that are known to read, or those that are `reading` besides. What a view
    calls the server's read-only transaction holds.
    """
    tokens = list(_tokens(sql.strip().rstrip(";")))
    if not tokens or tokens[0][1] not in _BEGINS:
        return "is no query"
    for place, (kind, word) in enumerate(tokens):
        before = tokens[place - 1][1] if place else ""
        if kind == "sign" and word in (";", "\\", "'", '"', "$"):
            return f"has {word!r} in it"
        if kind == "word" and word in _CHANGES and before != ".":
            return f"has the word {word.upper()} in it"
        called = _unknown_call(tokens, place - 1) if word == "(" and place else ""
        if called and called not in reading:
            return f"calls {called}"
    return ""


def unknown_calls(sql: str) -> frozenset[str]:
    """Names of functions in a statement of which it takes the server to say what they do."""
    tokens = list(_tokens(sql))
    called = (_unknown_call(tokens, at - 1) for at, (_, w) in enumerate(tokens) if at and w == "(")
    return frozenset(name for name in called if name)


def asks_whether_they_read(names: Collection[str]) -> str:
    """A query for how many functions of these names there are, and how many of them may change
    something by their own declaration: the volatile ones."""
    listed = ", ".join(f"'{name}'" for name in sorted(names))
    counted = "count(DISTINCT proname) AS known, count(*) FILTER (WHERE provolatile = 'v') AS may"
    return f"SELECT {counted} FROM pg_catalog.pg_proc WHERE proname IN ({listed})"  # noqa: S608 - plain words


def _unknown_call(tokens: list[tuple[str, str]], place: int) -> str:
    """The function that is called there; empty for none, or one that is known to read."""
    kind, name = tokens[place]
    before = tokens[place - 1][1] if place else ""
    if kind == "quoted":
        return name
    if kind != "word" or name in _NO_CALLS or before in ("as", ")"):  # or names of columns
        return ""
    if name == "set_config" and _names_own_setting(tokens[place + 2 :]):
        return ""
    schema = tokens[place - 2][1] if before == "." and place > 1 else "pg_catalog"
    known = name in _READS or name.startswith(_READ_BEGINNINGS)
    return "" if known and schema == "pg_catalog" else name


def _names_own_setting(arguments: list[tuple[str, str]]) -> bool:
    return bool(arguments and _OWN_SETTING.fullmatch(arguments[0][1]))


def _tokens(sql: str) -> Iterator[tuple[str, str]]:
    for found in _TOKEN.finditer(sql):
        kind = found.lastgroup if found.lastgroup != "tag" else "text"
        if kind and kind != "skip":
            yield kind, found[0].lower() if kind == "word" else found[0]


def settings_in(sql: str) -> Iterator[tuple[str, str]]:
    """Settings of the server, of a role or a database that a script changes: name, and to what."""
    for found in _OF_THE_SERVER.finditer(sql):
        yield found[1], _value(found[2])
    for found in _OF_OTHERS.finditer(sql):
        yield f"{found[3]} of {found[1].lower()} {found[2]}", _value(found[4])


def _value(found: str | None) -> str:
    return f"is set to {' '.join(found.split())}" if found else "is reset"


def without_texts(sql: str) -> str:
    """A script without what stands in its quotes."""
    return "".join(
        "'[secret]'" if found.lastgroup in ("text", "tag") else found[0]
        for found in _TOKEN.finditer(sql)
    )


def begun(sql: str) -> str:
    """A statement's beginning, on one line."""
    text = " ".join(sql.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
