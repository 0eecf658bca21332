"""The scripts that draw plots in the browser: BokehJS, as the package bokeh has it."""

from pathlib import Path


def plot_scripts() -> tuple[str, ...]:
    """Return the texts of BokehJS, which are written into the page; none without the package."""
    try:
        from bokeh.settings import settings  # noqa: PLC0415 -- an extra that not everybody has
    except ImportError:
        return ()
    folder = Path(settings.bokehjs_path()) / "js"
    return tuple((folder / name).read_text() for name in ("bokeh.min.js", "bokeh-api.min.js"))
