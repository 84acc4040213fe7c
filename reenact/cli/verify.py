"""``reenact verify``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from reenact.cli.common import Verbs, add_verb
from reenact.cli.inputs import plain_files


def register(verbs: Verbs[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    verb = add_verb(verbs, "verify", "check whether a clip was made by this program", _verify)
    verb.add_argument(
        "clip", type=Path, help="MP4, MOV, WebM, MKV, GIF or WebP; or a picture: JPEG, PNG, HEIC or AVIF"
    )
    verb.add_argument("--key", type=str.encode, help="key of the watermark; default: the public one")
    verb.add_argument(
        "--trust", type=Path, metavar="FILE", help="PEM file of trusted root certificates; default: none"
    )
    verb.add_argument("--json", action="store_true", help="print one JSON object instead of sentences")


def _verify(arguments: argparse.Namespace) -> int:
    from reenact.provenance.certificate import read_anchors
    from reenact.provenance.report_text import report_sentences
    from reenact.provenance.verify import as_json, verify
    from reenact.watermark.embed import PUBLIC_KEY

    anchors = read_anchors(arguments.trust) if arguments.trust else None
    with plain_files(arguments.clip) as (clip,):
        report = verify(clip, arguments.key or PUBLIC_KEY, anchors=anchors)
    print(json.dumps(as_json(report), indent=1) if arguments.json else "\n".join(report_sentences(report)))
    return 0
