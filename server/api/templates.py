"""The gallery of motions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from apiflask import APIBlueprint
from flask import Response, send_file, url_for

from reenact.gallery import get_template, list_templates
from reenact.types import Template
from server.api import examples
from server.api.schemas import Answers, TemplateDetailOut, TemplatesOut
from server.errors import NotFound
from server.services import services

bp = APIBlueprint("templates", __name__, url_prefix="/v1/templates")
HOUR = 3600
PREVIEW: Answers = {
    200: {"description": "An animated WebP.", "content": {"image/webp": {}}},
    404: {"description": "template_not_found, not_found"},
}


@bp.get("")
@bp.output(TemplatesOut, example=examples.TEMPLATES)
def list_all() -> dict[str, Any]:
    """All motions that a face can be given."""
    found = list_templates(services().settings.templates)
    return {"templates": [_shown(template) for template in found]}


@bp.get("/<id>")
@bp.output(TemplateDetailOut, example=examples.TEMPLATE)
@bp.doc(responses={404: "template_not_found", 503: "motion_outdated"})
def get(id: str) -> dict[str, Any]:
    """One motion."""
    return _shown(get_template(id, services().settings.templates))


@bp.get("/<id>/preview")
@bp.doc(responses=PREVIEW)
def preview(id: str) -> Response:
    """What the motion looks like, on a face that may be shown."""
    template = get_template(id, services().settings.templates)
    if template.preview is None:
        raise NotFound("This template has no preview.")
    return picture(template.preview)


def picture(path: Path) -> Response:
    """A file of the gallery; it may change with the next version."""
    return send_file(path, conditional=True, max_age=HOUR)


def _shown(template: Template) -> dict[str, Any]:
    return {
        "id": template.id,
        "title": template.title,
        "tags": template.tags,
        "seconds": round(template.motion.seconds, 3),
        "frames": len(template.motion),
        "fps": float(template.motion.fps),
        "has_audio": template.driving is not None,
        "preview_url": url_for("templates.preview", id=template.id) if template.preview else None,
        "licence": template.licence,
        "attribution": template.attribution,
    }
