"""`kickstand console`: a page on loopback that shows an environment as it is, live, and changes nothing."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from typing import Annotated

import typer

from cli.context import load, open_workspace, workspace_of
from cli.options import ENV, root_of
from cli.review import default_folder


def console(
    ctx: typer.Context,
    environment: ENV,
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="PORT", help="Where it listens. Default: a free one.")
    ] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
) -> None:
    """Show the environment live in the browser: jobs, endpoint, metrics, releases, bucket, cost. Ctrl-C ends it."""
    from console.server import ConsoleServer, listen

    listener = listen(port)
    try:
        workspace, terminal = open_workspace(ctx, environment)
        reviews = default_folder(workspace, local=root_of(ctx).local)
        server = ConsoleServer(listener, workspace, lambda: workspace_of(root_of(ctx), load(ctx), environment), reviews)

        def ready() -> None:
            terminal.print(f"{workspace.names.prefix} is shown on this machine alone, to whoever has this address:")
            terminal.print(f"  {server.address}")
            terminal.print("It reads and changes nothing. Ctrl-C ends it.", style="dim")
            if browser and _has_screen():
                threading.Thread(target=webbrowser.open, args=(server.address,), name="browser", daemon=True).start()

        server.run(ready)
        terminal.print("The console has ended.")
    finally:
        listener.close()


def _has_screen() -> bool:
    """Whether a browser would have a window of its own; one in this terminal would take its place."""
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
