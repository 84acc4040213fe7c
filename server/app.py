"""The application factory: settings -> errors, services -> routes. Nothing happens at import.

``app = create_app(read(os.environ))``, then ``services_of(app).start()``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from apiflask import APIFlask
from flask import Response
from werkzeug.middleware.proxy_fix import ProxyFix

from reenact.config import version
from reenact.engine import Engine
from server import api, container, web
from server.http import compress, cross_origin, problems, request_log, same_site
from server.http.forms import StrictRequest
from server.observability import request_id
from server.settings import Settings
from server.webhooks.delivery import Webhooks

log = logging.getLogger(__name__)
FORM_BYTES = 500_000  # of text fields; werkzeug also needs it for a file's 64 kB pieces
FORM_PARTS = 32
# Pictures and clips that the page shows before they are sent are blobs; everything else comes from here.
POLICY = (
    "default-src 'self'; img-src 'self' blob:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)


def create_app(
    settings: Settings,
    open_engine: Callable[[], Engine] | None = None,
    on_broken: Callable[[Exception], None] | None = None,
) -> APIFlask:
    """Build the application; nothing runs and no folder is made before its services are started.

    Args:
        settings: see ``server.settings``.
        open_engine: gives the warm engine, asked once by the thread that does the jobs; by default it is
            opened as the settings say.
        on_broken: is told when the engine cannot be opened; by default that is logged.
    """
    app = APIFlask(
        "server",
        title="Reenact",
        version=version(),
        docs_path=None,
        static_folder="web/static",
        template_folder="web/pages",
    )
    _configure(app, settings)
    if settings.proxies:
        count = settings.proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=count, x_proto=count, x_host=count, x_prefix=count
        )
    request_id.init_app(app)
    problems.init_app(app)
    container.init_app(app, settings, open_engine, on_broken or _log_broken)
    request_log.init_app(app, container.services_of(app).metrics)
    cross_origin.init_app(app, settings.origins)
    same_site.init_app(app)
    compress.init_app(app)
    api.init_app(app)
    web.init_app(app)
    _init_webhooks(app, settings)
    app.after_request(_protect)
    return app


def _configure(app: APIFlask, settings: Settings) -> None:
    app.request_class = StrictRequest
    app.config["MAX_CONTENT_LENGTH"] = settings.upload_bytes
    app.config["MAX_FORM_MEMORY_SIZE"] = FORM_BYTES
    app.config["MAX_FORM_PARTS"] = FORM_PARTS
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the order of the schema is the order to read


def _init_webhooks(app: APIFlask, settings: Settings) -> None:
    """Let the services tell of jobs as the routes show them."""
    use = container.services_of(app)

    def render(id: str) -> bytes:
        with app.test_request_context():
            return api.job_json(use.jobs.get(id)).encode()

    use.webhooks = Webhooks(use.database, render, settings.private_hosts)


def _protect(response: Response) -> Response:
    """Headers that keep a browser from doing more with an answer than it is meant for."""
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    return response


def _log_broken(error: Exception) -> None:
    log.error("The engine cannot be opened: %s", error)
