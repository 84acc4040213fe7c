"""The gallery of motions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request, send_file, url_for

from reenact.errors import TemplateNotFound
from reenact.gallery import get_template, list_templates, remove_template, template_ids
from reenact.types import Template
from server.api import examples
from server.api.auth import authenticate, require_operator
from server.api.order_form import parse_template_order
from server.api.requests import Answers, TemplateIn
from server.api.responses import JobOut, TemplateDetailOut, TemplatesOut
from server.api.strict import require_no_query
from server.api.submission import Answer, require_form, submit_and_respond
from server.container import services
from server.errors import Forbidden, NotFound

bp = APIBlueprint("templates", __name__, url_prefix="/v1/templates")
HOUR = 3600
PREVIEW: Answers = {
    200: {"description": "An animated WebP.", "content": {"image/webp": {}}},
    404: {"description": "template_not_found, not_found"},
}


@bp.before_request
def authorize_change() -> None:
    """Only operators change the gallery; to look at it nobody needs a key."""
    if request.method in ("POST", "DELETE"):
        authenticate()
        require_operator()
        require_form()


@bp.get("")
@bp.output(TemplatesOut, example=examples.TEMPLATES)
@bp.doc(responses={422: "invalid_option"})
def list_all() -> dict[str, Any]:
    """All motions that a face can be given."""
    require_no_query()
    use = services().settings
    found = list_templates(use.templates, more=use.more_templates)
    return {"templates": [_template_fields(template) for template in found]}


@bp.get("/<id>")
@bp.output(TemplateDetailOut, example=examples.TEMPLATE)
@bp.doc(responses={404: "template_not_found", 503: "motion_outdated"})
def get(id: str) -> dict[str, Any]:
    """One motion."""
    return _template_fields(_get(id))


@bp.post("")
@bp.input(TemplateIn, location="form_and_files", arg_name="form")
@bp.output(
    JobOut,
    status_code=202,
    description="The job was taken; `Location` is its address.",
    example=examples.ADDING,
)
@bp.doc(
    responses={
        200: "With `Prefer: wait`: the job has ended.",
        401: "unauthorized",
        403: "forbidden",
        413: "upload_too_large",
        415: "unsupported_media",
        422: "invalid_option, consent_required, driving_unreadable, driving_too_long, idempotency_conflict",
        429: "queue_full, quota_exceeded, rate_limited",
        503: "not_ready, database_unavailable, storage_unavailable",
    }
)
def create(form: dict[str, Any]) -> Answer:
    """Add a motion of your own to the gallery.

    It takes an operator key. The work is a job as those of animations are, with their `Prefer: wait` and
    `Idempotency-Key`; when it has succeeded, its `template` is the new one. The movement is kept, as
    keypoints, with a preview on a portrait that ships; the clip and its sound are not. With `effect=swap`
    they are kept too, with the faces tracked in the clip, and the preview shows the clip.
    """
    use = services()
    return submit_and_respond(form, lambda: parse_template_order(form, use.settings, use.storage))


@bp.delete("/<id>")
@bp.output({}, status_code=204, description="Done.")
@bp.doc(responses={401: "unauthorized", 403: "forbidden", 404: "template_not_found"})
def delete(id: str) -> tuple[str, int]:
    """Take a motion that was added out of the gallery.

    It takes an operator key. What ships with the server stays.
    """
    use = services().settings
    if id in template_ids(use.templates):
        raise Forbidden(f"The template {id} ships with the server and cannot be deleted.")
    if id not in template_ids(use.more_templates):
        raise TemplateNotFound(f"There is no added template {id!r}.")
    remove_template(id, use.more_templates)
    return "", 204


@bp.get("/<id>/preview")
@bp.doc(responses=PREVIEW)
def preview(id: str) -> Response:
    """What the motion looks like, on a face that may be shown."""
    template = _get(id)
    if template.preview is None:
        raise NotFound("This template has no preview.")
    return picture(template.preview)


def picture(path: Path) -> Response:
    """A file of the gallery; it may change with the next version. Raises NotFound where it is gone by now."""
    try:
        return send_file(path.absolute(), conditional=True, max_age=HOUR)
    except FileNotFoundError:
        raise NotFound("This picture has just been deleted.") from None


def _get(id: str) -> Template:
    use = services().settings
    return get_template(id, use.templates, more=use.more_templates)


def _template_fields(template: Template) -> dict[str, Any]:
    return {
        "id": template.id,
        "title": template.title,
        "tags": template.tags,
        "seconds": round(template.motion.seconds, 3),
        "frames": len(template.motion),
        "fps": float(template.motion.fps),
        "has_audio": template.has_sound,
        "effect": template.effect,
        "has_video": template.driving is not None,
        "preview_url": url_for("templates.preview", id=template.id) if template.preview else None,
        "licence": template.licence,
        "attribution": template.attribution,
    }
