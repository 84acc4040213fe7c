"""``reenact verify``."""

from __future__ import annotations

import argparse
from pathlib import Path

from reenact.cli.common import Verbs, add_verb


def register(verbs: Verbs[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    verb = add_verb(verbs, "verify", "tell whether a clip was made by this program", _verify)
    verb.add_argument("clip", type=Path, help="MP4, MOV, WebM, MKV, GIF or animated WebP")
    verb.add_argument("--key", type=str.encode, help="of the watermark; by default the public one")


def _verify(arguments: argparse.Namespace) -> int:
    from reenact.provenance.embed import PUBLIC_KEY
    from reenact.provenance.verify import sentences, verify

    report = verify(arguments.clip, arguments.key or PUBLIC_KEY)
    print("\n".join(sentences(report)))
    return 0
