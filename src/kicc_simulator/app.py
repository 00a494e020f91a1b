"""The web application: KICC's paths, the window, the control API and the console on one port."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from starlette.applications import Starlette

from kicc_simulator.api.routes import kicc_routes
from kicc_simulator.control.console import Console
from kicc_simulator.control.control import control_routes
from kicc_simulator.control.control_bank import bank_routes
from kicc_simulator.simulator import Simulator
from kicc_simulator.window.window import Window


def make_app(simulator: Simulator, *, public_url: str = "") -> Starlette:
    """The application. ``public_url`` is what window addresses begin with, if not the Host."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        delivering = asyncio.create_task(simulator.notices.run())
        yield
        delivering.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await delivering

    routes = [
        *kicc_routes(simulator.handler, simulator.journal, public_url=public_url.rstrip("/")),
        *Window(simulator.bank).routes(),
        *control_routes(simulator),
        *bank_routes(simulator),
        *Console(simulator).routes(),
    ]
    return Starlette(routes=routes, lifespan=lifespan)
