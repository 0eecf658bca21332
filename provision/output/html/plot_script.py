"""The scripts that draw plots in the browser: BokehJS, as the package bokeh has it."""

from pathlib import Path

from provision.common.errors import UsageError


def plot_scripts() -> tuple[str, ...]:
    """Return the texts of BokehJS, which are written into the page; none without the package. Raises UsageError."""
    try:
        from bokeh.settings import settings  # noqa: PLC0415 -- an extra that not everybody has
    except ImportError:
        return ()
    except RuntimeError as error:
        # Bokeh looks for its settings in the home folder, and an account in a container may have none.
        raise UsageError("Bokeh, which draws the plots, needs a home folder: let HOME name one") from error
    folder = Path(settings.bokehjs_path()) / "js"
    return tuple((folder / name).read_text() for name in ("bokeh.min.js", "bokeh-api.min.js"))
