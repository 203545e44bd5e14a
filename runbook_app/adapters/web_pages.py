"""The pages around a session's screen in a browser. Their one script is Textual's."""

from __future__ import annotations

from html import escape

_STYLE = """
@font-face { font-family: "Roboto Mono";
  src: url("/static/fonts/RobotoMono-VariableFont_wght.ttf"); }
html, body { margin: 0; height: 100%; overflow: hidden; background: #121212; color: #e0e0e0;
  font: 16px "Roboto Mono", monospace; }
main { max-width: 44em; margin: 4em auto; padding: 0 2em; line-height: 1.5; }
a { color: #8ab4f8; }
#terminal { position: absolute; inset: 0; }
.over { position: absolute; inset: 0; z-index: 10; background: #121212; }
.closed, .-closed .opening, .-first-byte .opening { display: none; }
.-closed .closed { display: block; }
"""


def _page(title: str, head: str, body: str) -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">'
        f'<title>{escape(title)}</title><link rel="icon" href="data:,">{head}'
        f"<style>{_STYLE}</style></head>\n<body>{body}</body>\n</html>\n"
    )


def screen(title: str, socket: str) -> str:
    """The screen itself; `socket` is the address of its websocket."""
    head = (
        '<link rel="stylesheet" href="/static/css/xterm.css">'
        '<script src="/static/js/textual.js"></script>'
    )
    body = (
        '<div class="over opening"><main>Opening the screen …</main></div>'
        '<div class="over closed"><main><p>This screen has ended. The session has not: its engine'
        ' goes on.</p><p><a href="/">Open it again</a></p></main></div>'
        '<div id="terminal" class="textual-terminal" data-font-size="16"'
        f' data-session-websocket-url="{escape(socket)}"></div>'
    )
    return _page(title, head, body)


def opened() -> str:
    """Answer to a good link.

    The page goes on by itself: where the link was followed from another site, a browser would send
    the cookie to no redirect's target.
    """
    head = '<meta http-equiv="refresh" content="0; url=/">'
    return _page("runbook", head, '<main><a href="/">Go on to the screen</a></main>')


def refused(what: str, *advice: str) -> str:
    """A plain page: what is so, and what to do; `advice` is HTML of ours."""
    paragraphs = "".join(f"<p>{text}</p>" for text in (escape(what), *advice))
    return _page("runbook: refused", "", f"<main>{paragraphs}</main>")
