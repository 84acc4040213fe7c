"""What ships beside the engine: templates to move like, portraits to try them on.

portraits.py          portraits.toml, a folder of pictures     -> Portrait
fetch.py              famous.toml -> Wikimedia Commons        -> a folder of pictures
template_metadata.py  template.toml                           <-> Card
templates.py          card + motion.npz + preview.webp        -> Template
scenes.py             a clip's faces, previews, clips of portraits that we move ourselves
build.py              clip -> motion -> retimed -> a template's folder; and all of them again for a new model
"""

from reenact.gallery.build import Built, add_template, build_templates
from reenact.gallery.fetch import Famous, Fetched, PortraitHost, famous_portraits, fetch_portraits
from reenact.gallery.portraits import Portrait, get_portrait, list_portraits
from reenact.gallery.template_metadata import BuildRecipe, TemplateMetadata, read_metadata, write_metadata
from reenact.gallery.templates import (
    get_template,
    is_slug,
    list_templates,
    remove_template,
    sweep_templates,
    template_ids,
)

__all__ = [
    "BuildRecipe",
    "Built",
    "Famous",
    "Fetched",
    "Portrait",
    "PortraitHost",
    "TemplateMetadata",
    "add_template",
    "build_templates",
    "famous_portraits",
    "fetch_portraits",
    "get_portrait",
    "get_template",
    "is_slug",
    "list_portraits",
    "list_templates",
    "read_metadata",
    "remove_template",
    "sweep_templates",
    "template_ids",
    "write_metadata",
]
